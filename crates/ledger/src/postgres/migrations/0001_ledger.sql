-- The ledger's tables, in a schema of their own. A database holds one ledger.

-- What the ledger was made for. Never changes.
CREATE TABLE ledger.campaign (
    only_row smallint PRIMARY KEY DEFAULT 0 CHECK (only_row = 0),
    name text NOT NULL,
    currency text NOT NULL,
    minor_units bigint NOT NULL CHECK (minor_units > 0),
    has_issuance_log boolean NOT NULL
);

CREATE TABLE ledger.charities (
    position integer PRIMARY KEY CHECK (position >= 0),
    id text NOT NULL UNIQUE,
    name text NOT NULL
);

-- One row per counted coin; rows are only ever added. UNIQUE is what makes a coin count once.
CREATE TABLE ledger.votes (
    vote_index bigint PRIMARY KEY CHECK (vote_index >= 0),
    nullifier bytea NOT NULL UNIQUE CHECK (octet_length(nullifier) = 32),
    -- The coin, with the campaign that the ledger was made for.
    serial bytea NOT NULL CHECK (octet_length(serial) = 16),
    expires bigint NOT NULL CHECK (expires >= 0),
    key_version bigint NOT NULL CHECK (key_version BETWEEN 1 AND 4294967295),
    signature bytea NOT NULL CHECK (octet_length(signature) = 64),
    weights integer[] NOT NULL,
    counted_at bigint NOT NULL CHECK (counted_at >= 0),
    -- Of the vote's entry in the log (RFC 6962).
    leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32)
);

-- The hashes of the log's tiles above the leaves: the root of each complete subtree of 256^level leaves, by its place; rows are only ever added.
CREATE TABLE ledger.tile_hashes (
    level smallint NOT NULL CHECK (level > 0),
    place bigint NOT NULL CHECK (place >= 0),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, place)
);

-- The signed checkpoints of the log, by the size of their trees, which only grow; rows are only ever added.
CREATE TABLE ledger.checkpoints (
    size bigint PRIMARY KEY CHECK (size >= 0),
    note text NOT NULL
);

-- The coins that were issued, if the campaign logs them: the log of its own that they make, in tables as those above; rows are only ever added.
CREATE TABLE ledger.issued (
    issued_index bigint PRIMARY KEY CHECK (issued_index >= 0),
    nullifier bytea NOT NULL UNIQUE CHECK (octet_length(nullifier) = 32),
    issued_at bigint NOT NULL CHECK (issued_at >= 0),
    leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32)
);

CREATE TABLE ledger.issued_tile_hashes (
    level smallint NOT NULL CHECK (level > 0),
    place bigint NOT NULL CHECK (place >= 0),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, place)
);

CREATE TABLE ledger.issued_checkpoints (
    size bigint PRIMARY KEY CHECK (size >= 0),
    note text NOT NULL
);

-- The queue's entries that hold no vote, by id, and the refusal's code; rows are only ever added.
CREATE TABLE ledger.dead_letters (
    ms bigint NOT NULL CHECK (ms >= 0),
    sequence bigint NOT NULL CHECK (sequence >= 0),
    code text NOT NULL,
    PRIMARY KEY (ms, sequence)
);

-- The one row that every writer locks, and changes in the transaction that adds the votes.
CREATE TABLE ledger.head (
    only_row smallint PRIMARY KEY DEFAULT 0 CHECK (only_row = 0),
    -- Who writes: a writer that takes over makes the epoch one higher, a writer that connects again the session. Whoever has not both writes nothing.
    epoch bigint NOT NULL DEFAULT 0,
    session bigint NOT NULL DEFAULT 0,
    -- The running sums over votes; units per charity, by position.
    votes bigint NOT NULL DEFAULT 0 CHECK (votes >= 0),
    units bigint[] NOT NULL CHECK (0 <= ALL (units)),
    -- Of the log's tree, which has a leaf for each vote.
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    -- Of the log of issued coins: how many there are, and the root of the tree over them.
    issued bigint NOT NULL DEFAULT 0 CHECK (issued >= 0),
    issued_root bytea NOT NULL CHECK (octet_length(issued_root) = 32),
    -- The last entry of the queue that was consumed, and what became of all up to it.
    ms bigint NOT NULL DEFAULT 0 CHECK (ms >= 0),
    sequence bigint NOT NULL DEFAULT 0 CHECK (sequence >= 0),
    accepted bigint NOT NULL DEFAULT 0 CHECK (accepted >= 0),
    refused bigint NOT NULL DEFAULT 0 CHECK (refused >= 0),
    dead_lettered bigint NOT NULL DEFAULT 0 CHECK (dead_lettered >= 0)
);
