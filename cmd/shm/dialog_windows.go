package main

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// findDialog: the message box is part of the system.
func findDialog() (dialog, error) { return messageBox, nil }

func messageBox(title, text string) error {
	t, err := windows.UTF16PtrFromString(title)
	if err != nil {
		return err
	}
	m, err := windows.UTF16PtrFromString(text)
	if err != nil {
		return err
	}
	if _, err := windows.MessageBox(0, m, t, windows.MB_OK|windows.MB_SETFOREGROUND); err != nil {
		return fmt.Errorf("MessageBox: %w", err)
	}
	return nil
}
