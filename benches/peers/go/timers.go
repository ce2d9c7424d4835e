package main

import (
	"fmt"
	"sync"
	"syscall"
	"time"
)

// processorTime is that of the whole process.
func processorTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil, "getrusage")
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// timers has goroutines that each sleep a pseudo-random time, in two passes, of which the first is cold.
func timers(name string, goroutines int) {
	for _, kind := range []string{"-cold", ""} {
		start, before := time.Now(), processorTime()
		var all sync.WaitGroup
		all.Add(goroutines)
		x := uint64(42)
		for i := 0; i < goroutines; i++ {
			x = x*6364136223846793005 + 1442695040888963407
			sleep := time.Duration((x>>33)%1001) * time.Millisecond
			go func() {
				time.Sleep(sleep)
				all.Done()
			}()
		}
		all.Wait()
		over := time.Since(start) - time.Second
		used := processorTime() - before
		fmt.Printf("%s%s-over %.1f ms\n", name, kind, over.Seconds()*1e3)
		fmt.Printf("%s%s-cpu %.1f ms\n", name, kind, used.Seconds()*1e3)
	}
}
