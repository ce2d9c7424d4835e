package main

import (
	"fmt"
	"time"
)

// skynet has a tree of goroutines, ten children each, whose million leaves send their numbers up through channels of a capacity.
// One pass, cold. With path a child is started and received from before the next one is started.
func skynet(name string, capacity int, path bool) {
	const leaves = 1000000
	start := time.Now()
	root := make(chan int, capacity)
	go node(root, 0, leaves, capacity, path)
	sum := <-root
	took := time.Since(start)
	check(sum == leaves*(leaves-1)/2, name)
	fmt.Printf("%s %.1f ms\n", name, float64(took.Nanoseconds())/1e6)
}

func node(up chan int, first, leaves, capacity int, path bool) {
	if leaves == 1 {
		up <- first
		return
	}
	const children = 10
	here := make(chan int, capacity)
	each := leaves / children
	sum := 0
	for number := 0; number < children; number++ {
		go node(here, first+number*each, each, capacity, path)
		if path {
			sum += <-here
		}
	}
	for number := 0; number < children && !path; number++ {
		sum += <-here
	}
	up <- sum
}
