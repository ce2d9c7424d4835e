package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

// pingpong has two goroutines and two rendezvous channels: one sends a number and receives it back. Each calls place first.
func pingpong(name string, place func()) {
	perOperation(name, 1<<14, func(messages int) time.Duration {
		there, back := make(chan int), make(chan int)
		go func() {
			place()
			for number := range there {
				back <- number
			}
		}()
		took := make(chan time.Duration)
		go func() {
			place()
			right := 0
			start := time.Now()
			for number := 0; number < messages/2; number++ {
				there <- number
				if <-back == number {
					right++
				}
			}
			end := time.Since(start)
			close(there)
			check(right == messages/2, name)
			took <- end
		}()
		return <-took
	})
}

// buffered has one goroutine send over a channel of capacity 128, and another receive. Each calls place first.
func buffered(name string, place func()) {
	perOperation(name, 1<<14, func(messages int) time.Duration {
		channel := make(chan int, 128)
		took := make(chan time.Duration)
		start := time.Now()
		go func() {
			place()
			for number := 0; number < messages; number++ {
				channel <- number
			}
		}()
		go func() {
			place()
			for number := 0; number < messages; number++ {
				check(<-channel == number, name)
			}
			took <- time.Since(start)
		}()
		return <-took
	})
}

// ring has 503 goroutines pass a token around; each adds one.
func ring(name string) {
	const goroutines = 503
	perOperation(name, goroutines<<4, func(hops int) time.Duration {
		hops = hops / goroutines * goroutines
		channels := make([]chan int, goroutines)
		for number := range channels {
			channels[number] = make(chan int)
		}
		end := make(chan int)
		for number := range channels {
			go func(inbox, next chan int) {
				for token := range inbox {
					if token == hops {
						end <- token
						return
					}
					next <- token + 1
				}
				close(next)
			}(channels[number], channels[(number+1)%goroutines])
		}
		start := time.Now()
		channels[0] <- 0
		check(<-end == hops, name)
		took := time.Since(start)
		// The first one has ended with the token; the others follow.
		close(channels[1])
		return took
	})
}

// sieve is a chain of filters, one for each prime. They stay blocked when it ends.
func sieve(name string) {
	start := time.Now()
	numbers := make(chan int)
	go func(numbers chan int) {
		for number := 2; ; number++ {
			numbers <- number
		}
	}(numbers)
	last := 0
	for i := 0; i < 2000; i++ {
		prime := <-numbers
		passed := make(chan int)
		go func(numbers, passed chan int) {
			for number := range numbers {
				if number%prime != 0 {
					passed <- number
				}
			}
		}(numbers, passed)
		numbers, last = passed, prime
	}
	took := time.Since(start)
	check(last == 17389, name)
	fmt.Printf("%s %.1f ms\n", name, float64(took.Nanoseconds())/1e6)
}

// fanin has a thousand producers, one consumer and one channel.
func fanin(name string) {
	const producers = 1000
	perOperation(name, 1000000, func(messages int) time.Duration {
		channel := make(chan int)
		each := messages / producers
		start := time.Now()
		for producer := 0; producer < producers; producer++ {
			go func(first int) {
				for number := first; number < first+each; number++ {
					channel <- number
				}
			}(producer)
		}
		sum := 0
		for i := 0; i < each*producers; i++ {
			sum += <-channel
		}
		took := time.Since(start)
		check(sum == each*producers*(producers-1)/2+producers*each*(each-1)/2, name)
		return took
	})
}

// selects has one consumer select over the channels of four producers; the order of each is checked.
func selects(name string) {
	perOperation(name, 1<<14, func(messages int) time.Duration {
		each := messages / 4
		var channels [4]chan int
		for number := range channels {
			channel := make(chan int)
			channels[number] = channel
			go func() {
				for number := 0; number < each; number++ {
					channel <- number
				}
			}()
		}
		var next [4]int
		start := time.Now()
		for i := 0; i < 4*each; i++ {
			var number, from int
			select {
			case number = <-channels[0]:
				from = 0
			case number = <-channels[1]:
				from = 1
			case number = <-channels[2]:
				from = 2
			case number = <-channels[3]:
				from = 3
			}
			check(number == next[from], name)
			next[from]++
		}
		return time.Since(start)
	})
}

// mutex has eight goroutines take one lock, and yield while they hold it.
func mutex(name string) {
	const goroutines = 8
	perOperation(name, 1<<13, func(locks int) time.Duration {
		each := locks / goroutines
		var lock sync.Mutex
		var all sync.WaitGroup
		all.Add(goroutines)
		count := 0
		start := time.Now()
		for i := 0; i < goroutines; i++ {
			go func() {
				for i := 0; i < each; i++ {
					lock.Lock()
					before := count
					runtime.Gosched()
					count = before + 1
					lock.Unlock()
				}
				all.Done()
			}()
		}
		all.Wait()
		took := time.Since(start)
		check(count == each*goroutines, name)
		return took
	})
}
