package spec

import _ "embed"

// Text is the table.
//
//go:embed conformance.tsv
var Text string
