// Package disassembly shows, by its tests, that the machine code of package caller is what its comments say. It is a
// package of its own since it needs a disassembler: what the tests of a package need that a program imports, go mod
// tidy asks for in that program's go.sum. Nobody imports this one.
package disassembly

import (
	"bytes"
	"debug/pe"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"

	"github.com/namedshm/namedshm/wine/internal/caller"
)

// part is a section of the program's file, and where it lies in memory.
type part struct {
	bytes []byte
	at    int
}

// parts are the program's code and data, by what its file says.
func parts(t *testing.T) (code, data part) {
	t.Helper()
	f, err := pe.NewFile(bytes.NewReader(caller.Image()))
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*part{".text": &code, ".data": &data} {
		section := f.Section(name)
		if section == nil {
			t.Fatalf("the program has no %s", name)
		}
		p.at = int(section.VirtualAddress)
		if p.bytes, err = section.Data(); err != nil {
			t.Fatal(err)
		}
	}
	return code, data
}

// TestListing takes every instruction apart and compares it with what the listing says that it is.
func TestListing(t *testing.T) {
	code, _ := parts(t)
	at := 0
	for i, line := range caller.Listing {
		b, err := hex.DecodeString(line.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		inst, err := x86asm.Decode(b, 64)
		if err != nil {
			t.Fatalf("line %d, %s: %v", i, line.Meaning, err)
		}
		if inst.Len != len(b) {
			t.Errorf("line %d, %s: the instruction has %d bytes of %d", i, line.Meaning, inst.Len, len(b))
		}
		if got := meaning(inst); got != line.Meaning {
			t.Errorf("line %d at %#x: the bytes %s mean %q, the listing says %q", i, at, line.Bytes, got, line.Meaning)
		}
		if !bytes.HasPrefix(code.bytes[min(at, len(code.bytes)):], b) {
			t.Errorf("line %d, %s: the program has other bytes at %#x", i, line.Meaning, at)
		}
		at += len(b)
	}
	if at > len(code.bytes) || len(bytes.TrimRight(code.bytes[at:], "\x00")) > 0 { // the file's length of it is rounded up
		t.Errorf("%d bytes of code, %d in the listing", len(code.bytes), at)
	}
}

// meaning is an instruction in words. Jumps are written by their distance, whatever they are called elsewhere.
func meaning(inst x86asm.Inst) string {
	if distance, ok := inst.Args[0].(x86asm.Rel); ok {
		op := map[x86asm.Op]string{x86asm.JMP: "jmp", x86asm.JNE: "jnz"}[inst.Op]
		return fmt.Sprintf("%s .%s", op, signed(int(distance)))
	}
	return x86asm.IntelSyntax(inst, 0, nil)
}

func signed(n int) string {
	if n < 0 {
		return fmt.Sprintf("-%#x", -n)
	}
	return fmt.Sprintf("+%#x", n)
}

// TestJumps: every jump, and the address of the data, leads where the comments say.
func TestJumps(t *testing.T) {
	const write, next, end = "488b4b08", "488b0b", "31c9" // the first bytes at each place
	want := map[string]string{"jmp .+0x67": write, "jnz .+0x5c": end, "jnz .-0x7c": next}
	code, data := parts(t)
	at := 0
	for _, line := range caller.Listing {
		b, _ := hex.DecodeString(line.Bytes)
		at += len(b)
		inst, err := x86asm.Decode(b, 64)
		if err != nil {
			t.Fatal(err)
		}
		if first, ok := want[line.Meaning]; ok {
			to := at + int(inst.Args[0].(x86asm.Rel))
			if to < 0 || !strings.HasPrefix(hex.EncodeToString(code.bytes[to:]), first) {
				t.Errorf("%s leads to %#x", line.Meaning, to)
			}
			delete(want, line.Meaning)
		}
		if memory, ok := inst.Args[1].(x86asm.Mem); ok && memory.Base == x86asm.RIP {
			if to := code.at + at + int(memory.Disp); to != data.at {
				t.Errorf("%s leads to %#x, the data is at %#x", line.Meaning, to, data.at)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("no such jumps: %v", want)
	}
}
