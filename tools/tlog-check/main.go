// tlog-check reads a log that is in a directory as static files, as a stranger would, with nothing of ours: Tessera's fsck, and Go's own note and tlog.
//
//	tlog-check DIRECTORY LOG-KEY [WITNESS-KEY…]
//
// The checkpoint has to be signed by each of the keys, and every entry, tile and root has to be what it says. Beside the log's files there may be receipts
// (*.tlog-proof, of entries of the log) and consistency proofs (*.growth: old size, old root and the proof's hashes, a line each); they have to hold too.
package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	cosignature "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: tlog-check DIRECTORY LOG-KEY [WITNESS-KEY…]")
		os.Exit(2)
	}
	if err := check(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "tlog-check:", err)
		os.Exit(1)
	}
}

func check(directory, logKey string, witnessKeys []string) error {
	log, err := note.NewVerifier(logKey)
	if err != nil {
		return fmt.Errorf("the log's key: %w", err)
	}
	verifiers := []note.Verifier{log}
	for _, key := range witnessKeys {
		witness, err := cosignature.NewVerifierForCosignatureV1(key)
		if err != nil {
			return fmt.Errorf("a witness's key: %w", err)
		}
		verifiers = append(verifiers, witness)
	}
	signed, err := os.ReadFile(filepath.Join(directory, "checkpoint"))
	if err != nil {
		return err
	}
	checkpoint, err := open(signed, verifiers)
	if err != nil {
		return fmt.Errorf("the checkpoint: %w", err)
	}
	files := client.FileFetcher{Root: directory}
	// A worker that finds a mistake ends, and with the last of them nothing would go on.
	if err := fsck.New(log.Name(), log, files, leafHashes, fsck.Opts{N: 4}).Check(context.Background()); err != nil {
		return fmt.Errorf("fsck: %w", err)
	}
	receipts, growths := 0, 0
	err = each(directory, "*.tlog-proof", func(text string) error {
		receipts++
		return checkReceipt(text, files, verifiers)
	})
	if err != nil {
		return err
	}
	err = each(directory, "*.growth", func(text string) error {
		growths++
		return checkGrowth(text, checkpoint)
	})
	if err != nil {
		return err
	}
	fmt.Printf("entries: %d, receipts: %d, growths: %d\n", checkpoint.N, receipts, growths)
	return nil
}

// open reads a signed checkpoint, if each verifier finds its signature.
func open(signed []byte, verifiers []note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(signed, note.VerifierList(verifiers...))
	if err != nil {
		return tlog.Tree{}, err
	}
	if len(opened.Sigs) != len(verifiers) {
		return tlog.Tree{}, fmt.Errorf("signed by %d of %d keys", len(opened.Sigs), len(verifiers))
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 {
		return tlog.Tree{}, errors.New("not three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func leafHashes(bundle []byte) ([][]byte, error) {
	entries := &api.EntryBundle{}
	if err := entries.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var hashes [][]byte
	for _, entry := range entries.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}

// each checks all files whose names match.
func each(directory, pattern string, check func(text string) error) error {
	paths, err := filepath.Glob(filepath.Join(directory, pattern))
	if err != nil {
		return err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := check(string(text)); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	return nil
}

// checkReceipt checks that the proof leads from the log's own entry to the checkpoint in it. If it has something extra, that has to be the entry.
func checkReceipt(text string, files client.FileFetcher, verifiers []note.Verifier) error {
	proof, signed, found := strings.Cut(text, "\n\n")
	lines := strings.Split(proof, "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a tlog-proof")
	}
	lines = lines[1:]
	extra, hasExtra := strings.CutPrefix(lines[0], "extra ")
	if hasExtra && len(lines) > 1 {
		lines = lines[1:]
	}
	tree, err := open([]byte(signed), verifiers)
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	if err != nil {
		return err
	}
	hashes, err := parseHashes(lines[1:])
	if err != nil {
		return err
	}
	if index < 0 || index >= tree.N {
		return fmt.Errorf("no entry %d in a tree of %d", index, tree.N)
	}
	bundle, err := client.GetEntryBundle(context.Background(), files.ReadEntryBundle, uint64(index)/256, uint64(tree.N))
	if err != nil {
		return err
	}
	entry := bundle.Entries[index%256]
	if hasExtra && extra != base64.StdEncoding.EncodeToString(entry) {
		return errors.New("what it has as extra is not the log's entry")
	}
	return tlog.CheckRecord(hashes, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

// checkGrowth checks that the checkpoint's tree begins with an older one.
func checkGrowth(text string, tree tlog.Tree) error {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	size, err := strconv.ParseInt(lines[0], 10, 64)
	if err != nil {
		return err
	}
	hashes, err := parseHashes(lines[1:])
	if err != nil {
		return err
	}
	if len(hashes) == 0 {
		return errors.New("no root")
	}
	return tlog.CheckTree(hashes[1:], tree.N, tree.Hash, size, hashes[0])
}

func parseHashes(lines []string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}
