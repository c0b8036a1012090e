//go:build linux && cgo && (amd64 || arm64)

package main

// #include "namedshm_flow.h"
import "C"

import (
	"context"
	"errors"
	"io"
	"time"
	"unsafe"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/internal/conduit"
	"github.com/namedshm/namedshm/internal/fault"
	"github.com/namedshm/namedshm/internal/inside"
	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/internal/waiting"
)

// Rings and feeds. An end is conduit's, behind a handle; what the header's inline half knows of it lies in the
// program's own struct, which each call brings along.

// outcome is the number of a call's error, 0 for none; what it says is put where there is room for it.
func outcome(err error, text *C.char, room C.int) C.uint32_t {
	if err == nil {
		return 0
	}
	to := unsafe.Slice((*byte)(unsafe.Pointer(text)), int(room))
	to[copy(to[:len(to)-1], err.Error())] = 0
	switch code := fault.CodeOf(err); {
	case code != 0:
		return C.uint32_t(code)
	case errors.Is(err, context.DeadlineExceeded):
		return C.uint32_t(fault.Timeout)
	case err == io.EOF:
		return C.uint32_t(fault.HandleEOF)
	}
	return C.uint32_t(fault.GenFailure)
}

// endAt is the end behind a handle.
func endAt[E any](handle C.HANDLE) (*E, error) {
	if end, ok := any(inside.Handles.At(uintptr(handle))).(*E); ok {
		return end, nil
	}
	return nil, fault.BadHandle("the end is closed")
}

// opened gives an end its handle, or closes it if there is none to be had.
func opened(end io.Closer, handle *uintptr) (err error) {
	if *handle, err = inside.Handles.Open(end); err != nil {
		end.Close()
	}
	return err
}

// until is how long an opener waits.
func until(milliseconds C.uint32_t) (context.Context, context.CancelFunc) {
	if milliseconds == waiting.Forever {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), time.Duration(milliseconds)*time.Millisecond)
}

// sharedWith is what is made with the choices of a creator that says this of who else may open it.
func sharedWith(share C.uint32_t) (c inside.Choices, err error) {
	c = inside.Choices{Spec: kernel.Spec{Protection: kernel.PageReadWrite}}
	var options []namedshm.SectionOption
	switch share {
	case 0:
	case C.FLOW_SHARE_READ:
		options = append(options, namedshm.ShareAccess(namedshm.Everyone(), namedshm.Read))
	case C.FLOW_SHARE_WRITE:
		options = append(options, namedshm.ShareAccess(namedshm.Everyone(), namedshm.ReadWrite))
	default:
		return c, fault.Fail(fault.InvalidParameter, "%d says of nobody that it may open it", share)
	}
	return inside.ForSection(c, options), nil
}

// described is a name and a structure as C programs say them.
func described(name *C.char, t *C.FLOW_TYPE) (string, *conduit.Structure, error) {
	if name == nil {
		return "", nil, fault.Fail(fault.InvalidParameter, "there is no name")
	}
	if t == nil {
		return C.GoString(name), nil, nil
	}
	s, err := structureOf(t)
	return C.GoString(name), s, err
}

//export goFlowNewReceiver
func goFlowNewReceiver(to *C.FLOW_RECEIVER, name *C.char, t *C.FLOW_TYPE, lanes C.uint32_t,
	capacity C.uint64_t, share C.uint32_t, text *C.char, room C.int) C.uint32_t {
	named, s, err := described(name, t)
	if err != nil {
		return outcome(err, text, room)
	}
	choices, err := sharedWith(share)
	if err != nil {
		return outcome(err, text, room)
	}
	r, err := conduit.NewReceiver(named, s, conduit.Ring{Lanes: int(lanes), Capacity: int64(capacity)}, choices)
	if err != nil {
		return outcome(err, text, room)
	}
	o := (*conduit.OutsideReceiver)(unsafe.Pointer(to))
	*o = r.Outside()
	return outcome(opened(r, &o.Handle), text, room)
}

//export goFlowNewWriter
func goFlowNewWriter(to *C.FLOW_WRITER, name *C.char, t *C.FLOW_TYPE, depth, most, share C.uint32_t, text *C.char,
	room C.int) C.uint32_t {
	named, s, err := described(name, t)
	if err != nil {
		return outcome(err, text, room)
	}
	choices, err := sharedWith(share)
	if err != nil {
		return outcome(err, text, room)
	}
	w, err := conduit.NewWriter(named, s, conduit.Feed{Depth: int(depth), Most: int(most)}, choices)
	if err != nil {
		return outcome(err, text, room)
	}
	o := (*conduit.OutsideWriter)(unsafe.Pointer(to))
	*o = w.Outside()
	return outcome(opened(w, &o.Handle), text, room)
}

//export goFlowOpenSender
func goFlowOpenSender(to *C.FLOW_SENDER, name *C.char, t *C.FLOW_TYPE, milliseconds C.uint32_t, text *C.char,
	room C.int) C.uint32_t {
	named, s, err := described(name, t)
	if err != nil {
		return outcome(err, text, room)
	}
	ctx, cancel := until(milliseconds)
	defer cancel()
	sender, err := conduit.OpenSender(ctx, named, s)
	if err != nil {
		return outcome(err, text, room)
	}
	o := (*conduit.OutsideSender)(unsafe.Pointer(to))
	*o = sender.Outside()
	return outcome(opened(sender, &o.Handle), text, room)
}

//export goFlowOpenReader
func goFlowOpenReader(to *C.FLOW_READER, name *C.char, t *C.FLOW_TYPE, milliseconds C.uint32_t, text *C.char,
	room C.int) C.uint32_t {
	named, s, err := described(name, t)
	if err != nil {
		return outcome(err, text, room)
	}
	ctx, cancel := until(milliseconds)
	defer cancel()
	r, err := conduit.OpenReader(ctx, named, s)
	if err != nil {
		return outcome(err, text, room)
	}
	o := (*conduit.OutsideReader)(unsafe.Pointer(to))
	*o = r.Outside()
	return outcome(opened(r, &o.Handle), text, room)
}

//export goFlowClaim
func goFlowClaim(s *C.FLOW_SENDER, n C.size_t, milliseconds C.uint32_t, claim *C.uintptr_t, text *C.char,
	room C.int) C.uint32_t {
	end, err := endAt[conduit.Sender](s.handle)
	if err != nil {
		return outcome(err, text, room)
	}
	m, err := end.ClaimOutside(limit(milliseconds), (*conduit.OutsideSender)(unsafe.Pointer(s)), int(min(n, 1<<62)))
	*claim = C.uintptr_t(uintptr(unsafe.Pointer(unsafe.SliceData(m))))
	return outcome(err, text, room)
}

//export goFlowDrain
func goFlowDrain(s *C.FLOW_SENDER, milliseconds C.uint32_t, text *C.char, room C.int) C.uint32_t {
	end, err := endAt[conduit.Sender](s.handle)
	if err == nil {
		err = end.DrainOutside(limit(milliseconds), (*conduit.OutsideSender)(unsafe.Pointer(s)))
	}
	return outcome(err, text, room)
}

//export goFlowNext
func goFlowNext(r *C.FLOW_RECEIVER, n *C.size_t, milliseconds C.uint32_t, message *C.uintptr_t, text *C.char,
	room C.int) C.uint32_t {
	end, err := endAt[conduit.Receiver](r.handle)
	if err != nil {
		return outcome(err, text, room)
	}
	m, err := end.NextOutside(limit(milliseconds), (*conduit.OutsideReceiver)(unsafe.Pointer(r)))
	if err != nil {
		return outcome(err, text, room)
	}
	*n = C.size_t(uint64(len(m)) / uint64(r.size))
	*message = C.uintptr_t(uintptr(unsafe.Pointer(unsafe.SliceData(m))))
	return 0
}

//export goFlowAwait
func goFlowAwait(r *C.FLOW_READER, milliseconds C.uint32_t, text *C.char, room C.int) C.uint32_t {
	end, err := endAt[conduit.Reader](r.handle)
	if err == nil {
		err = end.AwaitOutside(limit(milliseconds), (*conduit.OutsideReader)(unsafe.Pointer(r)))
	}
	return outcome(err, text, room)
}

//export goFlowRefuse
func goFlowRefuse(w *C.FLOW_WRITER, text *C.char, room C.int) C.uint32_t {
	end, err := endAt[conduit.Writer](w.handle)
	if err == nil {
		err = end.Refusal()
	}
	return outcome(err, text, room)
}

func limit(milliseconds C.uint32_t) *waiting.Limit {
	return &waiting.Limit{Milliseconds: uint32(milliseconds)}
}

// The header's structs and conduit's are the same: sizes, and where the last field lies.
var (
	_ [0]struct{} = [unsafe.Sizeof(C.FLOW_SENDER{}) - unsafe.Sizeof(conduit.OutsideSender{})]struct{}{}
	_ [0]struct{} = [unsafe.Sizeof(C.FLOW_RECEIVER{}) - unsafe.Sizeof(conduit.OutsideReceiver{})]struct{}{}
	_ [0]struct{} = [unsafe.Sizeof(C.FLOW_WRITER{}) - unsafe.Sizeof(conduit.OutsideWriter{})]struct{}{}
	_ [0]struct{} = [unsafe.Sizeof(C.FLOW_READER{}) - unsafe.Sizeof(conduit.OutsideReader{})]struct{}{}
	_ [0]struct{} = [unsafe.Offsetof(C.FLOW_SENDER{}.limit) - unsafe.Offsetof(conduit.OutsideSender{}.Limit)]struct{}{}
	_ [0]struct{} = [unsafe.Offsetof(C.FLOW_RECEIVER{}.at) - unsafe.Offsetof(conduit.OutsideReceiver{}.At)]struct{}{}
	_ [0]struct{} = [unsafe.Offsetof(C.FLOW_RECEIVER{}.lanes) - unsafe.Offsetof(conduit.OutsideReceiver{}.Lanes)]struct{}{}
	_ [0]struct{} = [unsafe.Offsetof(C.FLOW_WRITER{}.claimed) - unsafe.Offsetof(conduit.OutsideWriter{}.Claimed)]struct{}{}
	_ [0]struct{} = [unsafe.Offsetof(C.FLOW_READER{}.shift) - unsafe.Offsetof(conduit.OutsideReader{}.Shift)]struct{}{}
	_ [0]struct{} = [unsafe.Sizeof(C.struct_flow_incoming{}) - unsafe.Sizeof(conduit.OutsideLane{})]struct{}{}
)
