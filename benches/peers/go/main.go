// Command main has Go do workloads of the same names as `workloads`, and prints the same lines. All is on one thread
// (GOMAXPROCS=1), but for those whose names say two; the runtime's own threads watch beside them.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// How long a measurement takes at least, as in benches/src/measure.rs.
const least = 300 * time.Millisecond

// How many goroutines a batch of the workload spawn-batch has.
const batch = 1000

var workloads = map[string]func(string){
	"yield2":        func(name string) { yields(name, 2) },
	"yield1k":       func(name string) { yields(name, 1000) },
	"yield100k":     func(name string) { yields(name, 100000) },
	"pingpong":      func(name string) { pingpong(name, func() {}) },
	"ring":          ring,
	"sieve":         sieve,
	"fanin":         fanin,
	"buffered":      func(name string) { buffered(name, func() {}) },
	"select":        selects,
	"mutex":         mutex,
	"spawn":         spawnJoin,
	"spawn-batch":   spawnBatch,
	"live10k":       func(name string) { live(name, 10000) },
	"live100k":      func(name string) { live(name, 100000) },
	"live1m":        func(name string) { live(name, 1000000) },
	"timers10k":     func(name string) { timers(name, 10000) },
	"timers100k":    func(name string) { timers(name, 100000) },
	"timers1m":      func(name string) { timers(name, 1000000) },
	"skynet1":       func(name string) { skynet(name, 0, false) },
	"skynet1-path":  func(name string) { skynet(name, 0, true) },
	"skynet1-buf10": func(name string) { skynet(name, 10, false) },
	"pingpong-2w":   func(name string) { pingpong(name, func() {}) },
	"buffered-2w":   func(name string) { buffered(name, func() {}) },
	"skynet2":       func(name string) { skynet(name, 0, false) },
	"skynet2-buf10": func(name string) { skynet(name, 10, false) },
	"pingpong-x":    func(name string) { pingpong(name, runtime.LockOSThread) },
	"buffered-x":    func(name string) { buffered(name, runtime.LockOSThread) },
}

func main() {
	if len(os.Args) == 1 {
		for name := range workloads {
			fmt.Println(name)
		}
	}
	for _, name := range os.Args[1:] {
		run, known := workloads[name]
		if !known {
			fmt.Fprintln(os.Stderr, "no workload is called", name)
			os.Exit(2)
		}
		runtime.GOMAXPROCS(threads(name))
		run(name)
	}
}

// threads tells how many threads a workload is for.
func threads(name string) int {
	if strings.HasSuffix(name, "-2w") || strings.HasSuffix(name, "-x") || strings.HasPrefix(name, "skynet2") {
		return 2
	}
	return 1
}

func check(right bool, what string) {
	if !right {
		panic("wrong result: " + what)
	}
}

// perOperation doubles the number of operations until doing them takes long enough, then prints nanoseconds for each.
func perOperation(name string, first int, work func(int) time.Duration) {
	for operations := first; ; operations *= 2 {
		if took := work(operations); took >= least {
			fmt.Printf("%s %.1f ns\n", name, float64(took.Nanoseconds())/float64(operations))
			return
		}
	}
}

// yields has goroutines yield in turn, timed once all have started and until the first one ends.
func yields(name string, goroutines int) {
	perOperation(name, goroutines<<6, func(yields int) time.Duration {
		each := yields / goroutines
		done := 0
		took := make([]time.Duration, goroutines)
		ended := make(chan bool, goroutines)
		for number := 0; number < goroutines; number++ {
			go func(number int) {
				runtime.Gosched()
				start := time.Now()
				for i := 0; i < each; i++ {
					runtime.Gosched()
					done++
				}
				took[number] = time.Since(start)
				ended <- true
			}(number)
		}
		for number := 0; number < goroutines; number++ {
			<-ended
		}
		check(done == each*goroutines, name)
		return took[0]
	})
}

// spawnJoin starts a goroutine and takes its result, one after the other. One channel for all: Go has no join, and a channel
// for each would only add to the work.
func spawnJoin(name string) {
	perOperation(name, 1<<14, func(goroutines int) time.Duration {
		result := make(chan int)
		sum := 0
		start := time.Now()
		for number := 0; number < goroutines; number++ {
			go func(number int) { result <- number }(number)
			sum += <-result
		}
		took := time.Since(start)
		check(sum == goroutines*(goroutines-1)/2, name)
		return took
	})
}

// spawnBatch starts a thousand, lets all finish, again and again.
func spawnBatch(name string) {
	perOperation(name, batch<<4, func(goroutines int) time.Duration {
		done := 0
		start := time.Now()
		for batches := 1; batches <= goroutines/batch; batches++ {
			for i := 0; i < batch; i++ {
				go func() { done++ }()
			}
			for done < batches*batch {
				runtime.Gosched()
			}
		}
		return time.Since(start)
	})
}

// live has goroutines that are each started and blocked on one channel. Cold, one pass.
func live(name string, goroutines int) {
	channel := make(chan bool)
	started, ended := 0, 0
	before, tables := status("VmRSS"), status("VmPTE")
	start := time.Now()
	for i := 0; i < goroutines; i++ {
		go func() {
			started++
			<-channel
			ended++
		}()
	}
	for started < goroutines {
		runtime.Gosched()
	}
	took := time.Since(start)
	grown, tables := status("VmRSS")-before, status("VmPTE")-tables
	check(ended == 0, name)
	fmt.Printf("%s-rss %.1f bytes\n", name, float64(grown)/float64(goroutines))
	fmt.Printf("%s-tables %.1f bytes\n", name, float64(tables)/float64(goroutines))
	fmt.Printf("%s-ns %.1f ns\n", name, float64(took.Nanoseconds())/float64(goroutines))
	for i := 0; i < goroutines; i++ {
		channel <- true
	}
	for ended < goroutines {
		runtime.Gosched()
	}
}

// status tells a line of the process's status that is in kB, in bytes.
func status(line string) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, rest, _ := strings.Cut(string(status), line+":")
	var kib int
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		panic(err)
	}
	return kib * 1024
}
