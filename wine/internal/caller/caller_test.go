package caller

import (
	"bytes"
	"debug/pe"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"
)

// TestListing takes every instruction apart and compares it with what the listing says that it is.
func TestListing(t *testing.T) {
	at := 0
	for i, line := range listing {
		b, err := hex.DecodeString(line.bytes)
		if err != nil {
			t.Fatal(err)
		}
		inst, err := x86asm.Decode(b, 64)
		if err != nil {
			t.Fatalf("line %d, %s: %v", i, line.meaning, err)
		}
		if inst.Len != len(b) {
			t.Errorf("line %d, %s: the instruction has %d bytes of %d", i, line.meaning, inst.Len, len(b))
		}
		if got := meaning(inst); got != line.meaning {
			t.Errorf("line %d at %#x: the bytes %s mean %q, the listing says %q", i, at, line.bytes, got, line.meaning)
		}
		at += len(b)
	}
	if at != len(code()) || at > fileAlign {
		t.Errorf("%d bytes of code, %d in the listing", len(code()), at)
	}
}

// meaning is an instruction in words. Jumps are told by their distance, whatever they are called elsewhere.
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
	all, at := code(), 0
	for _, line := range listing {
		b, _ := hex.DecodeString(line.bytes)
		at += len(b)
		inst, err := x86asm.Decode(b, 64)
		if err != nil {
			t.Fatal(err)
		}
		if first, ok := want[line.meaning]; ok {
			to := at + int(inst.Args[0].(x86asm.Rel))
			if to < 0 || !strings.HasPrefix(hex.EncodeToString(all[to:]), first) {
				t.Errorf("%s leads to %#x", line.meaning, to)
			}
			delete(want, line.meaning)
		}
		if memory, ok := inst.Args[1].(x86asm.Mem); ok && memory.Base == x86asm.RIP {
			if to := codeMemory + at + int(memory.Disp); to != dataMemory {
				t.Errorf("%s leads to %#x, the data is at %#x", line.meaning, to, dataMemory)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("no such jumps: %v", want)
	}
}

// TestOffsets: the numbers in the listing are those of the data's picture.
func TestOffsets(t *testing.T) {
	places := map[string]int{
		"mov r8d, 0x50": HelloLen, "mov r8d, 0x68": RequestLen, "mov r8d, 0x10": AnswerLen,
		"lea rdx, ptr [rbx+0x68]": atRequest, "lea rdx, ptr [rbx+0x58]": atAnswer, "lea r9, ptr [rbx+0x50]": atCount,
		"lea rsi, ptr [rbx+0x90]": atRequest + 8*5, "call qword ptr [rbx+0x18]": atImports, "call qword ptr [rbx+0x68]": atRequest,
		"call qword ptr [rbx+0x20]": atImports + 8, "call qword ptr [rbx+0x28]": atImports + 16, "call qword ptr [rbx+0x30]": atImports + 24,
	}
	for _, line := range listing {
		number, ok := places[line.meaning]
		if ok && !strings.Contains(line.meaning, fmt.Sprintf("%#x", number)) {
			t.Errorf("%s: the picture says %#x", line.meaning, number)
		}
	}
	if atRequest+8*(1+MaxArguments) != atLoader || len(data()) > fileAlign {
		t.Errorf("the request ends at %#x, the data at %#x", atRequest+8*(1+MaxArguments), len(data()))
	}
}

// TestImage reads the program with somebody else's eyes.
func TestImage(t *testing.T) {
	f, err := pe.NewFile(bytes.NewReader(Image()))
	if err != nil {
		t.Fatal(err)
	}
	imported, err := f.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, name := range functions {
		want = append(want, name+":"+library)
	}
	if strings.Join(imported, " ") != strings.Join(want, " ") {
		t.Errorf("it imports %q, want %q", imported, want)
	}
	header := f.OptionalHeader.(*pe.OptionalHeader64)
	if header.AddressOfEntryPoint != codeMemory || header.SizeOfImage%pageAlign != 0 || f.Machine != pe.IMAGE_FILE_MACHINE_AMD64 {
		t.Errorf("%+v", header)
	}
	text, err := f.Section(".text").Data()
	if err != nil || !bytes.HasPrefix(text, code()) {
		t.Errorf("the code is not in .text: %v", err)
	}
}

// TestObjdump lets binutils look: it must find the table of imports and the very instructions.
func TestObjdump(t *testing.T) {
	objdump, err := exec.LookPath("x86_64-w64-mingw32-objdump")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "caller.exe")
	if err := os.WriteFile(path, Image(), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(objdump, "-p", "-d", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"pei-x86-64", "DLL Name: KERNEL32.dll", "GetProcAddress", "LoadLibraryA", "gs:0x68", "rep movs"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("objdump does not show %q:\n%s", want, out)
		}
	}
	if bytes.Contains(out, []byte("(bad)")) {
		t.Errorf("objdump does not know an instruction:\n%s", out)
	}
}

// TestWords: what is sent is what is drawn.
func TestWords(t *testing.T) {
	b := Request(1, 2, 3)
	if len(b) != RequestLen || b[0] != 1 || b[8] != 2 || b[16] != 3 || b[24] != 0 {
		t.Errorf("%x", b)
	}
	if result, code := Answer([]byte{1, 0, 0, 0, 0, 0, 0, 0x80, 5, 0, 0, 0, 0, 0, 0, 0}); result != 1<<63|1 || code != 5 {
		t.Errorf("%#x %d", result, code)
	}
	defer func() {
		if recover() == nil {
			t.Error("thirteen arguments are taken")
		}
	}()
	Request(0, make([]uint64, MaxArguments+1)...)
}
