// tessera-load measures Tessera's POSIX log with its persistent antispam: how long it takes until entries are sequenced, integrated and under a published checkpoint.
//
//	tessera-load DIRECTORY ENTRIES BYTES
//
// It prints the seconds that the entries took, and how many distinct places in the log they have, which is their number if the antispam took none for another.
package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	antispam "github.com/transparency-dev/tessera/storage/posix/antispam"
	"golang.org/x/mod/sumdb/note"
)

const (
	// As many as hashicoin-ledger counts in one transaction at most.
	batch = 2048
	// Who adds an entry waits until it has its place. Two batches' worth of them keep the next batch ready.
	adders = 2 * batch
	// As often as hashicoin-ledger signs at most.
	checkpointEvery = 100 * time.Millisecond
)

func main() {
	if err := load(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "tessera-load:", err)
		os.Exit(1)
	}
}

func load(arguments []string) error {
	if len(arguments) != 3 {
		return errors.New("usage: tessera-load DIRECTORY ENTRIES BYTES")
	}
	directory := arguments[0]
	count, err := strconv.Atoi(arguments[1])
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(arguments[2])
	if err != nil || size < 8 {
		return errors.New("an entry has 8 bytes at least")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	driver, err := posix.New(ctx, posix.Config{Path: filepath.Join(directory, "log")})
	if err != nil {
		return err
	}
	seen, err := antispam.NewAntispam(ctx, filepath.Join(directory, "antispam"), antispam.AntispamOpts{})
	if err != nil {
		return err
	}
	secret, _, err := note.GenerateKey(rand.Reader, "tessera-load")
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(batch, 5*time.Millisecond).
		WithPushback(4*adders).
		WithCheckpointInterval(checkpointEvery).
		WithAntispam(uint(count), seen)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	entries := make([][]byte, count)
	for number := range entries {
		entries[number] = make([]byte, size)
		binary.BigEndian.PutUint64(entries[number], uint64(number))
	}

	began := time.Now()
	places, err := add(ctx, appender, entries)
	if err != nil {
		return err
	}
	// The last of them is under a checkpoint when all are.
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, checkpointEvery/10)
	last := tessera.Index{Index: uint64(count - 1)}
	if _, _, err := awaiter.Await(ctx, func() (tessera.Index, error) { return last, nil }); err != nil {
		return err
	}
	took := time.Since(began)

	fmt.Printf("%f %d\n", took.Seconds(), places)
	return shutdown(ctx)
}

// Adds the entries, many at once, and gives how many distinct places they have.
func add(ctx context.Context, appender *tessera.Appender, entries [][]byte) (int, error) {
	next := make(chan []byte)
	results := make(chan error, adders)
	var places sync.Map
	for range adders {
		go func() {
			for entry := range next {
				index, err := place(ctx, appender, entry)
				if err != nil {
					results <- err
					return
				}
				places.Store(index, true)
			}
			results <- nil
		}()
	}
	for _, entry := range entries {
		select {
		case next <- entry:
		case err := <-results:
			return 0, err
		}
	}
	close(next)
	for range adders {
		if err := <-results; err != nil {
			return 0, err
		}
	}
	count := 0
	places.Range(func(any, any) bool { count++; return true })
	return count, nil
}

// Adds one entry, again when the log asks to come back later.
func place(ctx context.Context, appender *tessera.Appender, entry []byte) (uint64, error) {
	for {
		index, err := appender.Add(ctx, tessera.NewEntry(entry))()
		if !errors.Is(err, tessera.ErrPushback) {
			return index.Index, err
		}
		time.Sleep(time.Millisecond)
	}
}
