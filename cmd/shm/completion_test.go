package main

import "testing"

func TestUnquote(t *testing.T) {
	for word, want := range map[string]string{
		`plain`: `plain`, `'Local\Foo'`: `Local\Foo`, `'Local\F`: `Local\F`, `Local\\Foo`: `Local\Foo`, `"a b`: `a b`,
		`a\ b`: `a b`, `$(touch x)`: `$(touch x)`, `\`: `\`, `'a'"b"c`: `abc`,
	} {
		if got := unquote(word); got != want {
			t.Errorf("%s: %s, want %s", word, got, want)
		}
	}
}
