package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"unicode/utf16"
)

// readText reads up to the first NUL, or to the end: text as C programs leave it in memory. With wide set it is UTF-16,
// little-endian, as Windows programs leave it.
func readText(r io.Reader, wide bool) (string, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	if !wide {
		text, err := b.ReadBytes(0)
		if err == io.EOF {
			return string(text), nil
		}
		return string(bytes.TrimSuffix(text, []byte{0})), err
	}
	var found []uint16
	for unit := make([]byte, 2); ; {
		switch _, err := io.ReadFull(b, unit); {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return string(utf16.Decode(found)), nil
		case err != nil:
			return "", err
		}
		u := binary.LittleEndian.Uint16(unit)
		if u == 0 {
			return string(utf16.Decode(found)), nil
		}
		found = append(found, u)
	}
}

// encodeText is text as it is stored: in UTF-8, or with wide set in UTF-16.
func encodeText(text string, wide bool) []byte {
	if !wide {
		return []byte(text)
	}
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}
