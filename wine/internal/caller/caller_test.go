package caller

import (
	"bytes"
	"debug/pe"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOffsets: the numbers in the listing are those of the data's picture.
func TestOffsets(t *testing.T) {
	places := map[string]int{
		"mov r8d, 0x50": HelloLen, "mov r8d, 0x68": RequestLen, "mov r8d, 0x10": AnswerLen,
		"lea rdx, ptr [rbx+0x68]": atRequest, "lea rdx, ptr [rbx+0x58]": atAnswer, "lea r9, ptr [rbx+0x50]": atCount,
		"lea rsi, ptr [rbx+0x90]": atRequest + 8*5, "call qword ptr [rbx+0x18]": atImports,
		"call qword ptr [rbx+0x68]": atRequest,
		"call qword ptr [rbx+0x20]": atImports + 8, "call qword ptr [rbx+0x28]": atImports + 16,
		"call qword ptr [rbx+0x30]": atImports + 24,
	}
	for _, line := range Listing {
		number, ok := places[line.Meaning]
		if ok && !strings.Contains(line.Meaning, fmt.Sprintf("%#x", number)) {
			t.Errorf("%s: the picture says %#x", line.Meaning, number)
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
	if header.AddressOfEntryPoint != codeMemory || header.SizeOfImage%pageAlign != 0 ||
		f.Machine != pe.IMAGE_FILE_MACHINE_AMD64 {
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
	for _, want := range []string{"pei-x86-64", "DLL Name: KERNEL32.dll", "GetProcAddress", "LoadLibraryA", "gs:0x68",
		"rep movs"} {
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
