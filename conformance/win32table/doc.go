// Package win32table drives Windows' calls, by their own names, by the table of what Windows does, row by row. It does
// not care who makes them: a process is told line by line what to call, and answers with what the call returned and
// with the last error. So package win32, its build for Windows and a library for other languages are held against the
// same rows.
//
// # How a process is talked to
//
// It reads lines from its standard input and writes answers to its standard output. A line is
//
//	THREAD FUNCTION ARGUMENT …
//
// and the answer, of which each thread gives one at a time,
//
//	THREAD VALUE ERROR OUT …
//
// THREAD is a number: 0 is there from the beginning, others begin with the first line for them, as a thread of the
// system each. FUNCTION is a name of Windows' and VALUE what it returns: a handle, an address, an event, 1 or 0. ERROR
// is the last error after the call, or - when the call left it untouched: who has no last error answers 0 for a
// successful Create and - for every other success. Arguments and OUT are numbers in decimal, negative ones with a sign;
// names and bytes are
//
//   - NULL
//     w:0041005a UTF-16 units in hexadecimal, without a NUL at their end
//     a:415a     bytes likewise, for the A functions
//     x:00ff     bytes
//
// Arguments are those of the call in their order, but: security attributes are 1 if handles are to be inherited, else
// 0; sizes and offsets are one number; processes are left out; what a call gives back by a pointer comes in OUT. The
// functions are those of the table in actor.go, and besides
//
//	peek ADDRESS N      1 and the bytes, or 0 for memory that cannot be read
//	poke ADDRESS BYTES  1, or 0 for memory that cannot be written
//	endthread           ends the thread; the answer comes when it has ended
//	exit                ends the process without an answer, with whatever it holds
//
// A process that does not know a function answers with its THREAD and a question mark.
//
// What the words of a row mean in every API, package spec says. Reading order: row.go, process.go, world.go, given.go,
// call.go, result.go, run.go; actor.go is the process for package win32.
package win32table
