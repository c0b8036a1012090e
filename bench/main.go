//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	if handled := becomeActor(); handled {
		return
	}
	asReport := flag.Bool("report", false, "measure everything and write "+reportPage+" with its pictures")
	render := flag.Bool("render", false, "write "+reportPage+" once more, of what was measured before")
	flag.Parse()
	if flag.NArg() > 0 || *asReport && *render {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*asReport, *render); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(asReport, render bool) error {
	if !asReport && !render {
		parts, err := measure()
		for _, part := range parts {
			fmt.Print(part.Rows)
		}
		return err
	}
	root, err := projectRoot()
	if err != nil {
		return err
	}
	var r report
	if render {
		r, err = readReport(root)
	} else {
		fmt.Fprintf(os.Stderr, "This takes about %.0f minutes on a quiet machine, and longer on another.\n",
			reportTakes.Minutes())
		r, err = measureReport()
	}
	if err != nil {
		return err
	}
	return r.write(root)
}
