//go:build unix || windows

package main

import "strings"

// holdVerb is the command line that makes a section and holds it; or another object, if its kind follows the name.
func holdVerb(args []string) []string {
	verb := []string{"create", "--hold", "5m"}
	if len(args) > 1 && !strings.HasPrefix(args[1], "-") {
		verb = append([]string{args[1]}, verb...)
		args = append(args[:1:1], args[2:]...)
	}
	return append(verb, args...)
}
