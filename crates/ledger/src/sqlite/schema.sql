-- The ledger's tables. An open ledger must have exactly these: a ledger that lost a constraint is refused.

-- What the ledger was made for. Never changes.
CREATE TABLE campaign (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 0),
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    minor_units INTEGER NOT NULL CHECK (minor_units > 0),
    has_issuance_log INTEGER NOT NULL CHECK (has_issuance_log IN (0, 1))
) STRICT;

CREATE TABLE charities (
    position INTEGER PRIMARY KEY CHECK (position >= 0),
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL
) STRICT;

-- One row per counted coin; rows are only ever added. UNIQUE is what makes a coin count once.
CREATE TABLE votes (
    vote_index INTEGER PRIMARY KEY CHECK (vote_index >= 0),
    nullifier BLOB NOT NULL UNIQUE CHECK (length(nullifier) = 32),
    -- The coin, with the campaign that the ledger was made for.
    serial BLOB NOT NULL CHECK (length(serial) = 16),
    expires INTEGER NOT NULL CHECK (expires >= 0),
    key_version INTEGER NOT NULL CHECK (key_version > 0),
    signature BLOB NOT NULL CHECK (length(signature) = 64),
    weights TEXT NOT NULL,
    counted_at INTEGER NOT NULL CHECK (counted_at >= 0),
    -- Of the vote's entry in the log (RFC 6962).
    leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32)
) STRICT;

-- The hashes of the log's tiles above the leaves: the root of each complete subtree of 256^level leaves, by its place; rows are only ever added.
CREATE TABLE tile_hashes (
    level INTEGER NOT NULL CHECK (level > 0),
    place INTEGER NOT NULL CHECK (place >= 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, place)
) STRICT, WITHOUT ROWID;

-- The signed checkpoints of the log, by the size of their trees, which only grow; rows are only ever added.
CREATE TABLE checkpoints (
    size INTEGER PRIMARY KEY CHECK (size >= 0),
    note TEXT NOT NULL
) STRICT;

-- The coins that were issued, if the campaign logs them: the log of its own that they make, in tables as those above; rows are only ever added.
CREATE TABLE issued (
    issued_index INTEGER PRIMARY KEY CHECK (issued_index >= 0),
    nullifier BLOB NOT NULL UNIQUE CHECK (length(nullifier) = 32),
    issued_at INTEGER NOT NULL CHECK (issued_at >= 0),
    leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32)
) STRICT;

CREATE TABLE issued_tile_hashes (
    level INTEGER NOT NULL CHECK (level > 0),
    place INTEGER NOT NULL CHECK (place >= 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE issued_checkpoints (
    size INTEGER PRIMARY KEY CHECK (size >= 0),
    note TEXT NOT NULL
) STRICT;

-- The running sums over votes, and how many leaves each log has and the root of the tree over them; written in the transaction that adds them.
CREATE TABLE head (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 0),
    votes INTEGER NOT NULL CHECK (votes >= 0),
    root BLOB NOT NULL CHECK (length(root) = 32),
    issued INTEGER NOT NULL CHECK (issued >= 0),
    issued_root BLOB NOT NULL CHECK (length(issued_root) = 32)
) STRICT;

CREATE TABLE totals (
    position INTEGER PRIMARY KEY REFERENCES charities (position),
    units INTEGER NOT NULL CHECK (units >= 0)
) STRICT;

-- What was consumed of the queue that the votes come from, written in the transaction that counts them: the last entry's id, and what became of all entries up
-- to it.
CREATE TABLE queue (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 0),
    ms INTEGER NOT NULL CHECK (ms >= 0),
    sequence INTEGER NOT NULL CHECK (sequence >= 0),
    accepted INTEGER NOT NULL CHECK (accepted >= 0),
    refused INTEGER NOT NULL CHECK (refused >= 0),
    dead_lettered INTEGER NOT NULL CHECK (dead_lettered >= 0)
) STRICT;

-- The queue's entries that hold no vote, by id, and the refusal's code; rows are only ever added.
CREATE TABLE dead_letters (
    ms INTEGER NOT NULL CHECK (ms >= 0),
    sequence INTEGER NOT NULL CHECK (sequence >= 0),
    code TEXT NOT NULL,
    PRIMARY KEY (ms, sequence)
) STRICT, WITHOUT ROWID;
