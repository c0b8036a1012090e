package namedshm

import "github.com/namedshm/namedshm/internal/words"

// Namespace is one of the two namespaces, for the calls of packages inspect and upkeep that concern all names in one.
type Namespace uint8

const (
	// Local holds the names of this user (on Windows: of this login session).
	Local Namespace = 1
	// Global holds the names of the machine.
	Global Namespace = 2
)

var namespaceWords = words.Table{{Value: uint32(Local), Text: `Local\`}, {Value: uint32(Global), Text: `Global\`}}

// String is the prefix of the namespace's names.
func (n Namespace) String() string { return namespaceWords.One(uint32(n)) }

// MarshalText is String, for JSON.
func (n Namespace) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (n *Namespace) UnmarshalText(text []byte) error {
	value, err := namespaceWords.ReadOne(text, 8)
	return unmarshaled(n, value, err)
}
