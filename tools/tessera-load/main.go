// tessera-load measures Tessera's POSIX log with its persistent antispam: how long it takes until entries are sequenced, integrated and under a published checkpoint.
//
//	tessera-load DIRECTORY FIRST ENTRIES BYTES unsigned|signed
//
// The log in DIRECTORY has entries up to FIRST, from runs before; these are numbered on. It prints the seconds that they took, and how many distinct places in the log they have,
// which is their number if the antispam took none for another. It ends when the antispam knows all of them, so that the next run does not wait for that.
//
// Tessera leaves it to its caller which entries are good. Of signed entries each has an Ed25519 signature, which is checked before it is added.
//
// The log's files are written through to the disk (O_SYNC) before an entry has its place. The antispam's database is not synced: Tessera does not ask it to be.
package main

import (
	"context"
	"crypto/ed25519"
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
	if len(arguments) != 5 || arguments[4] != "unsigned" && arguments[4] != "signed" {
		return errors.New("usage: tessera-load DIRECTORY FIRST ENTRIES BYTES unsigned|signed")
	}
	directory := arguments[0]
	first, err := strconv.ParseUint(arguments[1], 10, 64)
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(arguments[2])
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(arguments[3])
	if err != nil || size < 8+ed25519.SignatureSize {
		return errors.New("an entry has a number of 8 bytes and a signature of 64 at least")
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
	check, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	if arguments[4] == "unsigned" {
		check = nil
	}
	entries := make([][]byte, count)
	for number := range entries {
		message := make([]byte, size-ed25519.SignatureSize, size)
		binary.BigEndian.PutUint64(message, first+uint64(number))
		signature := make([]byte, ed25519.SignatureSize)
		if check != nil {
			signature = ed25519.Sign(private, message)
		}
		entries[number] = append(message, signature...)
	}

	began := time.Now()
	places, err := add(ctx, appender, check, entries)
	if err != nil {
		return err
	}
	// The last of them is under a checkpoint when all are.
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, checkpointEvery/10)
	last := tessera.Index{Index: first + uint64(count) - 1}
	if _, _, err := awaiter.Await(ctx, func() (tessera.Index, error) { return last, nil }); err != nil {
		return err
	}
	took := time.Since(began)

	if err := follow(ctx, seen, last.Index+1); err != nil {
		return err
	}
	fmt.Printf("%f %d\n", took.Seconds(), places)
	return shutdown(ctx)
}

// Waits until the antispam knows this many entries.
func follow(ctx context.Context, seen *antispam.AntispamStorage, entries uint64) error {
	// It has one place in the log, however many ask for it.
	follower := seen.Follower(nil)
	for {
		known, err := follower.EntriesProcessed(ctx)
		if err != nil || known >= entries {
			return err
		}
		time.Sleep(checkpointEvery / 10)
	}
}

// Adds the entries, many at once, each when its signature is good if there is a key to check it with, and gives how many distinct places they have.
func add(ctx context.Context, appender *tessera.Appender, check ed25519.PublicKey, entries [][]byte) (int, error) {
	next := make(chan []byte)
	results := make(chan error, adders)
	var places sync.Map
	for range adders {
		go func() {
			for entry := range next {
				message, signature := entry[:len(entry)-ed25519.SignatureSize], entry[len(entry)-ed25519.SignatureSize:]
				if check != nil && !ed25519.Verify(check, message, signature) {
					results <- errors.New("a signature is not good")
					return
				}
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
