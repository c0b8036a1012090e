package main

// dialog shows text in a message box and returns when the box is closed. Title and text are shown as they are:
// nothing in them is markup, an escape or an option.
type dialog func(title, text string) error
