package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadText(t *testing.T) {
	for _, c := range []struct {
		bytes string
		wide  bool
		want  string
	}{
		{"", false, ""}, {"\x00", false, ""}, {"abc", false, "abc"}, {"abc\x00def", false, "abc"},
		{"\xff\x00", false, "\xff"},
		{"", true, ""}, {"a\x00b\x00\x00\x00c\x00", true, "ab"}, {"a\x00b", true, "a"}, {"a\x00b\x00", true, "ab"},
		{"\x3d\xd8\x00\xde\x00\x00", true, "😀"}, {"\x3d\xd8a\x00", true, "\uFFFDa"}, {"\x00\x61\x00\x00", true, "愀"},
	} {
		got, err := readText(iotest.OneByteReader(strings.NewReader(c.bytes)), c.wide)
		if err != nil || got != c.want {
			t.Errorf("%q, wide %v: %q, %v; want %q", c.bytes, c.wide, got, err, c.want)
		}
	}
	if _, err := readText(iotest.ErrReader(iotest.ErrTimeout), true); err != iotest.ErrTimeout {
		t.Errorf("the reader's error is lost: %v", err)
	}
}

func TestTextComesBackAsItWent(t *testing.T) {
	for _, text := range []string{"", "plain", "Grüße", "😀"} {
		for _, wide := range []bool{false, true} {
			if got, err := readText(bytes.NewReader(encodeText(text, wide)), wide); got != text || err != nil {
				t.Errorf("%q, wide %v: %q, %v", text, wide, got, err)
			}
		}
	}
}
