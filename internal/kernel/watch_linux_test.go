package kernel

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestWaitBeginsBeforeTheRoot waits for a name whose directories do not exist yet.
func TestWaitBeginsBeforeTheRoot(t *testing.T) {
	later := filepath.Join(t.TempDir(), "later")
	t.Setenv(RootVariable, later)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	parsed, err := resolve("Late")
	if err != nil {
		t.Fatal(err)
	}
	watch := newNameWatch(parsed) // while there is nothing to watch
	defer watch.close()
	if err := os.Mkdir(later, 0o700); err != nil {
		t.Fatal(err)
	}
	made, _, err := CreateSection(ctx, "Late", Spec{Size: 1, Protection: PageReadWrite}, Read|Write, MustBeNew)
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	if err := watch.wait(ctx); err != nil {
		t.Fatal("it waited for news of a directory that it did not watch: ", err)
	}
}
