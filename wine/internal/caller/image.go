package caller

import (
	"bytes"
	"encoding/binary"
)

// Where the parts of the program lie. A file of this format has headers and sections; on disk they begin at multiples
// of fileAlign, in memory at multiples of pageAlign.
//
//	file   memory
//	0x000  0x0000  headers
//	0x200  0x1000  .text, readable and executable: the code
//	0x400  0x2000  .data, readable and writable: the data, and scratch that the file does not have
const (
	fileAlign  = 0x200
	pageAlign  = 0x1000
	codeFile   = 0x200
	codeMemory = 0x1000
	dataFile   = 0x400
	dataMemory = 0x2000
	dataLen    = AtScratch + ScratchLen
	imageBase  = 0x140000000 // where programs lie by custom
)

// library is the one that is imported from, and functions what, in the order of the data's picture.
const library = "KERNEL32.dll"

var functions = []string{"GetStdHandle", "ReadFile", "WriteFile", "ExitProcess", "GetProcAddress", "LoadLibraryA"}

// Image is the program as a file: an x86-64 executable for Windows without a window, a console or a C library.
//
// Source: Microsoft's "PE Format".
func Image() []byte {
	image := make([]byte, dataFile+fileAlign)
	copy(image, headers())
	copy(image[codeFile:], code())
	copy(image[dataFile:], data())
	return image
}

// put appends values in the machine's order.
func put(b *bytes.Buffer, values ...any) {
	for _, v := range values {
		binary.Write(b, binary.LittleEndian, v) // to memory: it cannot fail
	}
}

func headers() []byte {
	const peAt = 0x40
	var b bytes.Buffer
	b.WriteString("MZ")
	b.Write(make([]byte, 0x3c-b.Len()))
	put(&b, uint32(peAt))

	b.WriteString("PE\x00\x00")
	const optionalLen = 112 + 16*8
	const relocationsStripped, executable, largeAddresses = 0x1, 0x2, 0x20
	put(&b,
		uint16(0x8664), // x86-64
		uint16(2),      // sections
		uint32(0),      // time of linking: none, so that every build is the same
		uint32(0), uint32(0),
		uint16(optionalLen), uint16(relocationsStripped|executable|largeAddresses))

	put(&b,
		uint16(0x20b),      // 64-bit
		uint16(0),          // version of the linker
		uint32(fileAlign),  // code
		uint32(fileAlign),  // initialised data
		uint32(0),          // other data
		uint32(codeMemory), // where it starts
		uint32(codeMemory), // where code begins
		uint64(imageBase), uint32(pageAlign), uint32(fileAlign),
		uint16(6), uint16(0), uint16(0), uint16(0), uint16(6), uint16(0), // versions: Vista
		uint32(0),
		uint32(dataMemory+dataLen), uint32(codeFile), // in memory, and the headers
		uint32(0),                    // no checksum
		uint16(2),                    // the subsystem of programs with windows: the other kind would be given a console
		uint16(0x100),                // data is never code
		uint64(1<<20), uint64(1<<12), // stack: reserved, committed
		uint64(1<<20), uint64(1<<12), // heap
		uint32(0), uint32(16))
	for i := range 16 {
		switch i {
		case 1: // the import directory: one library and an end
			put(&b, uint32(dataMemory+atLoader), uint32(2*20))
		case 12: // the import table
			put(&b, uint32(dataMemory+atImports), uint32(8*(len(functions)+1)))
		default:
			put(&b, uint64(0))
		}
	}

	section := func(name string, memory, length, file, flags uint32) {
		var padded [8]byte
		copy(padded[:], name)
		put(&b, padded, length, memory, uint32(fileAlign), file, uint64(0), uint32(0), flags)
	}
	section(".text", codeMemory, fileAlign, codeFile, 0x60000020) // code, executable, readable
	section(".data", dataMemory, dataLen, dataFile, 0xc0000040)   // initialised data, readable, writable
	return b.Bytes()
}

// data is what the loader finds: an import table of pointers to names, which it overwrites with addresses; beside it
// the same table once more, the directory that refers to both, and the names.
func data() []byte {
	const atLookup = atLoader + 2*20
	names := atLookup + 8*(len(functions)+1)
	pointers, text := bytes.Buffer{}, bytes.Buffer{}
	for _, f := range functions {
		put(&pointers, uint64(dataMemory+names+text.Len()))
		put(&text, uint16(0)) // a hint where to look for it: none
		text.WriteString(f + "\x00")
		if text.Len()%2 == 1 {
			text.WriteByte(0)
		}
	}
	put(&pointers, uint64(0))

	var directory bytes.Buffer
	put(&directory,
		uint32(dataMemory+atLookup), uint32(0), uint32(0),
		uint32(dataMemory+names+text.Len()), uint32(dataMemory+atImports))
	text.WriteString(library + "\x00")

	b := make([]byte, names+text.Len())
	copy(b[atImports:], pointers.Bytes())
	copy(b[atLoader:], directory.Bytes())
	copy(b[atLookup:], pointers.Bytes())
	copy(b[names:], text.Bytes())
	return b
}
