package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/iotest"
)

func TestHexDump(t *testing.T) {
	b := append(bytes.Repeat([]byte{0}, 48), "0123456789abcdefXYZ"...)
	var out strings.Builder
	if err := hexDump(&out, iotest.OneByteReader(bytes.NewReader(b)), 0x100); err != nil {
		t.Fatal(err)
	}
	want := `00000100  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
*
00000130  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|
00000140  58 59 5a                                          |XYZ|
00000143
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestHexRowFitsItsWidth(t *testing.T) {
	for _, columns := range []int{1, 2, 4, 8, 16} {
		for _, offset := range []int64{0, 0xffffffff, 0x123456789ab} {
			row := hexRow(offset, bytes.Repeat([]byte{'x'}, columns), columns, func(i int) bool { return i == 0 })
			if got := cells(row.words()); got != hexWidth(columns, offset) {
				t.Errorf("%d columns at %#x: %d cells, said to be %d: %q", columns, offset, got, hexWidth(columns, offset),
					row.words())
			}
		}
	}
}
