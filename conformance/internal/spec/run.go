package spec

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
)

// Run is one run of one row.
type Run struct {
	Rows   Table
	Row    Row
	Prefix string // Local\ or Global\
	own    string // the run's own name in that namespace; "" until it needs one
}

var runs atomic.Int64

// Name is the run's own name, which nothing else uses.
func (r *Run) Name() string {
	if r.own == "" {
		r.own = fmt.Sprintf("%stable.%s.%d.%d", r.Prefix, r.Row.ID, os.Getpid(), runs.Add(1))
	}
	return r.own
}

// HasName reports whether the run has used its own name, so that it would mean something else in another namespace.
func (r *Run) HasName() bool { return r.own != "" }

// The two forms of one letter, which are not one name.
const (
	Composed   = "\u00e9"
	decomposed = "e\u0301"
)

// described are the names that the table tells in words.
var described = map[string]string{
	"only whitespace":                        " \t\r\n",
	`control characters and * ? : < > | " /`: "\x01\x1f\x7f * ? : < > | \" /",
	"CJK plus a surrogate pair":              "\u6f22\u5b57\U0001F600",
	"a lone surrogate":                       "lone\xed\xa0\x80",
	`\ alone`:                                `\`,
	`Global\ with nothing after`:             `Global\`,
	`Local\ with nothing after`:              `Local\`,
}

var (
	charsPattern   = regexp.MustCompile(`^name of (\d+) chars$`)
	quotedPattern  = regexp.MustCompile(`^"(.*)"(?:\+(\d+) chars)?$`)
	literalPattern = regexp.MustCompile(`^name (.+)$`)
	ordinary       = regexp.MustCompile(`^[A-Za-z_/]+$`)
	reservedWords  = regexp.MustCompile(`(?i)^(global|local|session)$`)
)

// Named reads a name out of a call's argument: ok is false where the argument holds none.
func (r *Run) Named(argument string) (name string, ok bool) {
	if m := charsPattern.FindStringSubmatch(argument); m != nil {
		n, _ := strconv.Atoi(m[1])
		return r.pad("", n), true
	}
	if argument == "decomposed form" {
		return r.Name() + decomposed, true
	}
	if m := quotedPattern.FindStringSubmatch(argument); m != nil {
		switch {
		case m[2] != "":
			n, _ := strconv.Atoi(m[2])
			return r.pad(m[1], n), true
		case strings.HasSuffix(m[1], "..."): // any name there
			return strings.TrimSuffix(m[1], "...") + strings.ReplaceAll(r.Name(), `\`, "."), true
		}
		return Literal(m[1]), true
	}
	m := literalPattern.FindStringSubmatch(argument)
	if m == nil {
		return "", false
	}
	if q := quotedPattern.FindStringSubmatch(m[1]); q != nil {
		return Literal(q[1]), true
	}
	if words, ok := described[Bare(m[1])]; ok {
		return words, true
	}
	return Literal(Bare(m[1])), true
}

// pad makes a name of n characters behind a prefix.
func (r *Run) pad(prefix string, n int) string {
	unique := strings.ReplaceAll(r.Name(), `\`, ".")
	return prefix + unique + strings.Repeat("n", n-len(unique))
}

var argumentPattern = regexp.MustCompile(`\((.*)\)`)

// NameInCall is the name in the row's call.
func (r *Run) NameInCall() (string, error) {
	if m := argumentPattern.FindStringSubmatch(r.Row.Call); m != nil {
		if name, ok := r.Named(m[1]); ok {
			return name, nil
		}
	}
	return "", fmt.Errorf("no name in %q", r.Row.Call)
}

// Literal is a name as the table has it, made this process's own where it is an ordinary word, so that two runs of a
// test on one machine do not meet.
func Literal(s string) string {
	s = strings.Replace(s, "<own id>", "1", 1) // sessions are numbered from 1; 0 is that of services
	prefix, rest := "", s
	for found := true; found; {
		found = false
		for _, p := range []string{`Global\`, `Local\`, `Session\1\`} {
			if after, ok := strings.CutPrefix(rest, p); ok {
				prefix, rest, found = prefix+p, after, true
			}
		}
	}
	first, tail, nested := strings.Cut(rest, `\`)
	if !ordinary.MatchString(first) || reservedWords.MatchString(first) {
		return s
	}
	first += fmt.Sprintf(".%d", os.Getpid())
	if nested {
		tail = `\` + tail
	}
	return prefix + first + tail
}
