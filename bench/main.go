//go:build linux

package main

import (
	"fmt"
	"os"
)

func main() {
	if handled := becomeActor(); handled {
		return
	}
	table, err := measure()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	fmt.Print(table)
}
