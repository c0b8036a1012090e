package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestReadText(t *testing.T) {
	for _, c := range []struct {
		bytes string
		wide  bool
		want  string
	}{
		{"", false, ""}, {"\x00", false, ""}, {"abc", false, "abc"}, {"abc\x00def", false, "abc"}, {"\xff\x00", false, "\xff"},
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

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain Grüße 😀": "plain Grüße 😀", "a\nb\tc": "a\nb\tc", "\x1b[31m": `\x1b[31m`, "\a\b\r": `\a\b\r`,
		"\xff": `\xff`, "\u009b": `\u009b`, "\u202e": `\u202e`, "\uFFFD": "\uFFFD", `a\b`: `a\b`,
	} {
		if got := printable(text, "\n\t"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := printable("a\nb", ""); got != `a\nb` {
		t.Errorf("a line end that is not to be kept: %q", got)
	}
}

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
			if cells(row) != hexWidth(columns, offset) {
				t.Errorf("%d columns at %#x: %d cells, said to be %d: %q", columns, offset, cells(row), hexWidth(columns, offset), row)
			}
		}
	}
}

func TestTableCutsItsLastColumn(t *testing.T) {
	rows := table{{"NAME", "HOLDERS"}, {"日本", "1 shm, 2 python3, 3 something"}, {"plain", "1 shm"}}
	var out strings.Builder
	if err := rows.print(&out, 23); err != nil {
		t.Fatal(err)
	}
	if want := "NAME   HOLDERS\n日本   1 shm, 2 python…\nplain  1 shm\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	out.Reset()
	if err := rows.print(&out, 0); err != nil || !strings.Contains(out.String(), "something\n") {
		t.Errorf("cut without a terminal, or %v:\n%s", err, out.String())
	}
}

func TestTableLeavesOutWhatDoesNotFit(t *testing.T) {
	rows := table{
		{"NAME", "STATE", "VIEWS", "AGE", "HOLDERS"},
		{`Local\Lock`, "owned by 4194301 shm for 12s", "-", "3s", "4194301 shm, 4194302 shm"},
	}
	for width, want := range map[int]string{
		0:  "NAME        STATE                         VIEWS  AGE  HOLDERS",
		66: "NAME        STATE                         VIEWS  AGE  HOLDERS",
		65: "NAME        STATE                         VIEWS  HOLDERS",
		61: "NAME        STATE                         VIEWS  HOLDERS",
		60: "NAME        STATE                         HOLDERS",
		40: "NAME        STATE                         HOLDERS",
	} {
		var out strings.Builder
		if err := rows.fitting(width, "AGE", "VIEWS").print(&out, width); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\n")
		if lines[0] != want {
			t.Errorf("in %d columns:\n%s\nwant\n%s", width, lines[0], want)
		}
		if width >= 54 && cells(lines[1]) > width {
			t.Errorf("a row of %d cells in %d columns: %s", cells(lines[1]), width, lines[1])
		}
	}
	if len(rows[0]) != 5 || len(rows[1]) != 5 {
		t.Errorf("the table itself was cut: %q", rows)
	}
}

func TestTableWrapsItsLastColumn(t *testing.T) {
	rows := table{{"ok", "topic", "one two three four five six seven"}, {"", "", "→ do"}, {"ok", "", ""}}
	var out strings.Builder
	if err := rows.wrapped(32).print(&out, 0); err != nil {
		t.Fatal(err)
	}
	want := "ok  topic  one two three four\n           five six seven\n           → do\nok         \n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	out.Reset()
	if err := rows.wrapped(0).print(&out, 0); err != nil || !strings.Contains(out.String(), "six seven\n") {
		t.Errorf("broken without a terminal, or %v:\n%s", err, out.String())
	}
	if err := (table{}).wrapped(80).print(&out, 80); err != nil {
		t.Error(err)
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 59 * time.Second: "59s", time.Minute: "1m", 90 * time.Minute: "1h30m", 49 * time.Hour: "2d1h", -time.Hour: "0s",
	} {
		if got := age(time.Now().Add(-d)); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	if got := age(time.Time{}); got != "?" {
		t.Errorf("an unknown time: %q", got)
	}
}

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
