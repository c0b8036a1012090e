// Package words writes numbers as the words that people know them by, and reads them back: every number, also one that
// has no word, comes back as it went.
package words

import (
	"fmt"
	"strconv"
	"strings"
)

// Word is what a value is called, or a bit of one.
type Word struct {
	Value uint32
	Text  string
}

// Table is the words of one type.
type Table []Word

const none = "none"

// One is the word of a value, or its number: "0x40".
func (t Table) One(value uint32) string {
	for _, w := range t {
		if w.Value == value {
			return w.Text
		}
	}
	return number(value)
}

// Set is the words of a value's bits, in the table's order, and the number of the bits that have none:
// "read|write|0x40". A value without bits is "none".
func (t Table) Set(value uint32) string {
	var set []string
	for _, w := range t {
		if value&w.Value != 0 {
			set = append(set, w.Text)
			value &^= w.Value
		}
	}
	if value != 0 {
		set = append(set, number(value))
	}
	if set == nil {
		return none
	}
	return strings.Join(set, "|")
}

func number(value uint32) string { return fmt.Sprintf("%#x", value) }

// ReadOne reads what One wrote, of a value with so many bits.
func (t Table) ReadOne(text []byte, bits int) (uint32, error) {
	value, err := t.read(string(text), bits)
	if err != nil {
		return 0, t.unknown(text)
	}
	return value, nil
}

// ReadSet reads what Set wrote, in any order.
func (t Table) ReadSet(text []byte) (set uint32, err error) {
	if string(text) == none {
		return 0, nil
	}
	for word := range strings.SplitSeq(string(text), "|") {
		value, err := t.read(word, 32)
		if err != nil {
			return 0, t.unknown(text)
		}
		set |= value
	}
	return set, nil
}

func (t Table) read(word string, bits int) (uint32, error) {
	for _, w := range t {
		if w.Text == word {
			return w.Value, nil
		}
	}
	digits, ok := strings.CutPrefix(word, "0x")
	if !ok {
		return 0, strconv.ErrSyntax
	}
	value, err := strconv.ParseUint(digits, 16, bits)
	return uint32(value), err
}

func (t Table) unknown(text []byte) error {
	known := make([]string, len(t))
	for i, w := range t {
		known[i] = w.Text
	}
	return fmt.Errorf("%.60q is not one of %s", text, strings.Join(known, ", "))
}
