//go:build unix && !aix

package kernel

// door returns the record by which others can reach the memory through this handle; nil if they need none, or if the
// handle has no slot. In that case they look through /proc.
func (h *handle) door() []byte {
	if h.mem.descriptor() < 0 || h.at >= slotCount {
		return nil
	}
	return door{pid: int32(h.pid), descriptor: int32(h.mem.descriptor()), mode: int32(h.mem.openMode())}.encode()
}

// writeDoor writes a handle's record into an existing entry. If this process may not write a file that long, others
// find its memory by searching.
func (h *handle) writeDoor() error {
	record, at := h.door(), slotsAt+h.at*slotLen
	if record == nil || fits(at+slotLen) != nil {
		return nil
	}
	_, err := writeAt(h.entry.fd, record, at)
	return err
}
