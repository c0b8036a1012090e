// Package caller is a Windows program that only makes calls: it reads a function's address and its arguments from
// standard input, calls it, and writes what came back to standard output, until the input ends. A native process asks
// everything inside a Wine prefix by such calls, so the logic is in Go, on the native side, and the program in the
// prefix is 180 bytes of machine code.
//
// It is written here, byte by byte, because nothing else would always be there. A Go program for Windows needs
// bcryptprimitives.dll, which Wine before 9 does not have; a C compiler for Windows is on few machines; and a binary in
// a repository is something that nobody can read. docs/decisions/0013 has the choice.
package caller

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// The program's data, from its address on. The first words are what it says of itself when it starts.
//
//	0x00  standard input           the handles, as GetStdHandle gave them
//	0x08  standard output
//	0x10  the address of all this
//	0x18  GetStdHandle             the import table, as the loader filled it in
//	0x20  ReadFile
//	0x28  WriteFile
//	0x30  ExitProcess
//	0x38  GetProcAddress
//	0x40  LoadLibraryA
//	0x48  0
//	0x50  how many bytes were read or written
//	0x58  result, last error       the answer
//	0x68  function, 12 arguments   the request
//	0xd0  what the loader needs to fill in the table
//	0x1000 … 0x9000                room for what arguments point at
const (
	atImports = 0x18
	atCount   = 0x50
	atAnswer  = 0x58
	atRequest = 0x68
	atLoader  = 0xd0

	// HelloLen is the length of what the program says first.
	HelloLen = atCount
	// AnswerLen is the length of an answer: the result and the last error, eight bytes each.
	AnswerLen = atRequest - atAnswer
	// RequestLen is the length of a request: a function's address and twelve arguments, eight bytes each.
	RequestLen = atLoader - atRequest
	// MaxArguments is how many arguments a call can have.
	MaxArguments = RequestLen/8 - 1
	// AtScratch and ScratchLen are where in its data there is room for what arguments point at.
	AtScratch  = 0x1000
	ScratchLen = 0x8000
)

// Hello is what the program says when it starts.
type Hello struct {
	Input, Output uint64 // its own handles
	Data          uint64 // the address of its data
	Read, Write   uint64 // ReadFile and WriteFile
	Procedure     uint64 // GetProcAddress
	Library       uint64 // LoadLibraryA
}

// ParseHello takes apart the first HelloLen bytes of the output.
func ParseHello(b []byte) Hello {
	word := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	return Hello{
		Input: word(0), Output: word(8), Data: word(0x10),
		Read: word(0x20), Write: word(0x28), Procedure: word(0x38), Library: word(0x40),
	}
}

// Request is the bytes that make the program call a function. Missing arguments are zero.
func Request(function uint64, arguments ...uint64) []byte {
	if len(arguments) > MaxArguments {
		panic(fmt.Sprintf("caller: %d arguments, at most %d", len(arguments), MaxArguments))
	}
	b := make([]byte, RequestLen)
	binary.LittleEndian.PutUint64(b, function)
	for i, a := range arguments {
		binary.LittleEndian.PutUint64(b[8*(i+1):], a)
	}
	return b
}

// Answer takes apart what the program answers: what the function returned, and what GetLastError would say.
func Answer(b []byte) (result uint64, lastError uint32) {
	return binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:])
}

// Listing is the program: each instruction's bytes, and what they mean. Package disassembly's test takes the bytes
// apart and compares. rbx is the address of the data throughout; the callees leave it, rsi and rdi alone.
//
// The stack is kept at multiples of 16 bytes, with room for the callee's four register arguments and eight more.
var Listing = []struct{ Bytes, Meaning string }{
	{"4883ec68", "sub rsp, 0x68"},
	{"488d1df50f0000", "lea rbx, ptr [rip+0xff5]"}, // from 0x100b to 0x2000
	{"fc", "cld"},
	{"b9f6ffffff", "mov ecx, -0xa"}, // STD_INPUT_HANDLE
	{"ff5318", "call qword ptr [rbx+0x18]"},
	{"488903", "mov qword ptr [rbx], rax"},
	{"b9f5ffffff", "mov ecx, -0xb"}, // STD_OUTPUT_HANDLE
	{"ff5318", "call qword ptr [rbx+0x18]"},
	{"48894308", "mov qword ptr [rbx+0x8], rax"},
	{"48895b10", "mov qword ptr [rbx+0x10], rbx"},
	{"4889da", "mov rdx, rbx"}, // the hello
	{"41b850000000", "mov r8d, 0x50"},
	{"eb67", "jmp .+0x67"}, // to write

	// next: ReadFile(input, request, its length, count, NULL)
	{"488b0b", "mov rcx, qword ptr [rbx]"},
	{"488d5368", "lea rdx, ptr [rbx+0x68]"},
	{"41b868000000", "mov r8d, 0x68"},
	{"4c8d4b50", "lea r9, ptr [rbx+0x50]"},
	{"488364242000", "and qword ptr [rsp+0x20], 0x0"},
	{"ff5320", "call qword ptr [rbx+0x20]"},
	{"837b5068", "cmp dword ptr [rbx+0x50], 0x68"}, // less is the end of the input
	{"755c", "jnz .+0x5c"},                         // to end

	// the call: eight arguments to the stack, four to registers
	{"488db390000000", "lea rsi, ptr [rbx+0x90]"},
	{"488d7c2420", "lea rdi, ptr [rsp+0x20]"},
	{"b908000000", "mov ecx, 0x8"},
	{"f348a5", "rep movsq qword ptr [rdi], qword ptr [rsi]"},
	{"488b4b70", "mov rcx, qword ptr [rbx+0x70]"},
	{"488b5378", "mov rdx, qword ptr [rbx+0x78]"},
	{"4c8b8380000000", "mov r8, qword ptr [rbx+0x80]"},
	{"4c8b8b88000000", "mov r9, qword ptr [rbx+0x88]"},
	{"ff5368", "call qword ptr [rbx+0x68]"},
	{"48894358", "mov qword ptr [rbx+0x58], rax"},
	{"658b042568000000", "mov eax, dword ptr gs:[0x68]"}, // the thread's last error
	{"48894360", "mov qword ptr [rbx+0x60], rax"},
	{"488d5358", "lea rdx, ptr [rbx+0x58]"},
	{"41b810000000", "mov r8d, 0x10"},

	// write: WriteFile(output, rdx, r8, count, NULL), then the next
	{"488b4b08", "mov rcx, qword ptr [rbx+0x8]"},
	{"4c8d4b50", "lea r9, ptr [rbx+0x50]"},
	{"488364242000", "and qword ptr [rsp+0x20], 0x0"},
	{"ff5328", "call qword ptr [rbx+0x28]"},
	{"85c0", "test eax, eax"},
	{"7584", "jnz .-0x7c"}, // to next

	// end: ExitProcess(0)
	{"31c9", "xor ecx, ecx"},
	{"ff5330", "call qword ptr [rbx+0x30]"},
	{"cc", "int3"},
}

// code is the Listing's bytes.
func code() []byte {
	var text strings.Builder
	for _, line := range Listing {
		text.WriteString(line.Bytes)
	}
	b, err := hex.DecodeString(text.String())
	if err != nil {
		panic(err)
	}
	return b
}
