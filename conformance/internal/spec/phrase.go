package spec

import (
	"fmt"
	"iter"
	"regexp"
	"sync"
)

// Phrase is a pattern of the words in one column, and what they mean to a driver: a function that takes, among others,
// what the pattern's groups matched.
type Phrase[F any] struct {
	pattern func() *regexp.Regexp // compiled at its first use: most processes of a driver read no table
	means   F
}

// Whole is a phrase that fills its column.
func Whole[F any](pattern string, means F) Phrase[F] { return Part(`^(?:`+pattern+`)$`, means) }

// Part is a phrase that others may stand beside.
func Part[F any](pattern string, means F) Phrase[F] {
	return Phrase[F]{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) }), means}
}

// First is what the first of the phrases means that the text has, and what the groups matched; m is nil where it has
// none.
func First[F any](text string, lists ...[]Phrase[F]) (means F, m []string) {
	for means, m := range All(text, lists...) {
		return means, m
	}
	return means, nil
}

// All are First and what all other phrases mean that the text has, in their order.
func All[F any](text string, lists ...[]Phrase[F]) iter.Seq2[F, []string] {
	return func(yield func(F, []string) bool) {
		for _, list := range lists {
			for _, p := range list {
				if m := p.pattern().FindStringSubmatch(text); m != nil && !yield(p.means, m) {
					return
				}
			}
		}
	}
}

// Vocabulary tells whether a driver knows what stands in a row's columns.
type Vocabulary struct {
	Given, Call, Result func(Row) bool
}

// Missing says which of a row's phrases a driver knows nothing about; "" when it knows all.
func (t Table) Missing(r Row, known Vocabulary) string {
	if !known.Given(r) {
		before, ok := t.Reference(r)
		if !ok {
			return fmt.Sprintf("given %q", r.Given)
		}
		if missing := t.Missing(before, known); missing != "" {
			return missing
		}
	}
	if !known.Call(r) {
		return fmt.Sprintf("call %q", r.Call)
	}
	if !known.Result(r) {
		return fmt.Sprintf("result %q", r.Result)
	}
	return ""
}
