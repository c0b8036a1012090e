// Package gotable drives the Go API by the table of what Windows does, ../internal/spec/conformance.tsv, row by row.
// Nothing of a row is retyped: what is given, called and expected is read from its columns. A row that the Go API
// cannot say stands in a list with the reason, and a row that is neither driven nor listed fails the test. What the
// words of a row mean in every API, package spec says.
//
// Reading order: row_test.go (a row's words in this API), given_test.go (what a row begins with), call_test.go (what it
// does), result_test.go (what it expects). object_test.go and the files called waitable have the same for events,
// mutexes and semaphores, privilege_test.go for Global names without the privilege to make them. leftout_test.go (what
// is not driven, and why), table_test.go (the test).
package gotable
