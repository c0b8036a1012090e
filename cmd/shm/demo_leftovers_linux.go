package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/namedshm/namedshm/internal/kernel"
	"github.com/namedshm/namedshm/internal/plain"
)

// procMemory is a section's memory as /proc shows it: an inode that processes map.
type procMemory struct {
	device, inode string
	what          string // memfd or System V segment
	processes     []int
	root          string
	entries       string // a pattern for the small file that stands for the name, in the root
	entry         string // that file
}

// memoryOf finds the shared mapping of this size of one of our processes: an event's memory is shared too, and larger.
// It is nil where /proc does not show it.
func memoryOf(pid int, name string, size int64) memory {
	m := &procMemory{}
	for _, line := range mappings(pid) {
		if strings.HasSuffix(line[1], "s") && len(line) > 5 && lengthOf(line[0]) == size {
			m.device, m.inode, m.what = line[3], line[4], strings.Join(line[5:], " ")
			break
		}
	}
	if m.inode == "" {
		return nil
	}
	m.processes = m.users()
	root := kernel.Root()
	m.root, m.entries = root, filepath.Join("namedshm-*", name[strings.IndexByte(name, '\\')+1:])
	if found, _ := m.files(); len(found) == 1 {
		m.entry = filepath.Join(root, found[0])
	}
	return m
}

// files is the files that stand for the name. The root's path may itself look like a pattern.
func (m *procMemory) files() ([]string, error) { return fs.Glob(os.DirFS(m.root), m.entries) }

// mappings is /proc/pid/maps in fields: range, permissions, offset, device, inode, and what is mapped.
func mappings(pid int) (lines [][]string) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "maps"))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 5 {
			lines = append(lines, fields)
		}
	}
	return lines
}

// lengthOf is how many bytes a range of addresses has; 0 for what is none.
func lengthOf(addresses string) int64 {
	var begin, end int64
	if n, err := fmt.Sscanf(addresses, "%x-%x", &begin, &end); n != 2 || err != nil {
		return 0
	}
	return end - begin
}

// users is the processes that map the memory.
func (m *procMemory) users() (pids []int) {
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, dir := range dirs {
		pid, err := strconv.Atoi(dir.Name())
		if err != nil {
			continue
		}
		for _, line := range mappings(pid) {
			if line[3] == m.device && line[4] == m.inode {
				pids = append(pids, pid)
				break
			}
		}
	}
	return pids
}

func (m *procMemory) before() string {
	text := fmt.Sprintf("in /proc/*/maps: inode %s, mapped by processes %s\n%s",
		m.inode, strings.Trim(fmt.Sprint(m.processes), "[]"), m.what)
	if m.entry != "" {
		text += "\nand a small file that stands for the name:\n" + plain.Text(m.entry, "")
	}
	return text
}

func (m *procMemory) after() (string, error) {
	if pids := m.users(); len(pids) > 0 {
		return "", fmt.Errorf("the processes %v still map inode %s", pids, m.inode)
	}
	found, err := m.files()
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return "", errors.New(filepath.Join(m.root, found[0]) + " is still there")
	}
	return fmt.Sprintf("in /proc/*/maps: no process maps inode %s\nand there is no file %s", m.inode,
		plain.Text(filepath.Join(m.root, m.entries), "")), nil
}
