-- Files as 1C sends them, what is taken in of them, and the documents and goods that were in them.

CREATE TABLE bridge.onec_files (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT onec_files_pkey PRIMARY KEY,
    base        text NOT NULL,
    session     bigint NOT NULL,
    kind        text NOT NULL,
    name        text NOT NULL,
    bytes       bigint NOT NULL DEFAULT 0,
    pieces      integer NOT NULL DEFAULT 0,
    first_print bytea,
    last_print  bytea,
    open        boolean NOT NULL DEFAULT true,
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX onec_files_open ON bridge.onec_files (session, name) WHERE open;
CREATE INDEX onec_files_kept ON bridge.onec_files (base, id);
COMMENT ON TABLE bridge.onec_files IS 'Files as 1C sent them.';
COMMENT ON COLUMN bridge.onec_files.kind IS 'The type of the exchange in which it came.';
COMMENT ON COLUMN bridge.onec_files.first_print IS 'SHA-256 of the first piece: the same again begins the file anew.';
COMMENT ON COLUMN bridge.onec_files.last_print IS 'SHA-256 of the last piece: the same again is a repetition.';
COMMENT ON COLUMN bridge.onec_files.open IS 'Pieces under this name are appended; false: the file was begun anew or dropped by an init.';

CREATE TABLE bridge.onec_pieces (
    file     bigint NOT NULL REFERENCES bridge.onec_files ON DELETE CASCADE,
    starts   bigint NOT NULL,
    data     bytea NOT NULL,
    CONSTRAINT onec_pieces_pkey PRIMARY KEY (file, starts)
);
ALTER TABLE bridge.onec_pieces ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE bridge.onec_pieces IS 'The bytes of files.';
COMMENT ON COLUMN bridge.onec_pieces.starts IS 'Where in the file the piece begins.';

CREATE TABLE bridge.onec_imports (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT onec_imports_pkey PRIMARY KEY,
    base        text NOT NULL,
    file        bigint NOT NULL,
    member      text NOT NULL DEFAULT '',
    state       text NOT NULL DEFAULT 'working'
                CONSTRAINT onec_imports_state_known CHECK (state IN ('working', 'taken', 'refused')),
    checked     boolean NOT NULL DEFAULT false,
    position    bigint NOT NULL DEFAULT 0,
    faulty      bigint NOT NULL DEFAULT 0,
    documents   bigint NOT NULL DEFAULT 0,
    formed_at   timestamptz,
    only_changes boolean,
    code        text,
    message     text,
    started_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz,
    CONSTRAINT onec_imports_key UNIQUE (file, member),
    CONSTRAINT onec_imports_ended_whole CHECK ((state = 'working') = (ended_at IS NULL))
);
CREATE INDEX onec_imports_base ON bridge.onec_imports (base, id);
COMMENT ON TABLE bridge.onec_imports IS 'How far each file, or each file of a zip, is taken in.';
COMMENT ON COLUMN bridge.onec_imports.member IS 'The file inside a zip; empty: the file itself.';
COMMENT ON COLUMN bridge.onec_imports.checked IS 'The file can be read to its end: only then anything of it is taken in.';
COMMENT ON COLUMN bridge.onec_imports.position IS 'Items that are done: a killed process goes on behind them.';
COMMENT ON COLUMN bridge.onec_imports.faulty IS 'Of them, items that could not be read.';
COMMENT ON COLUMN bridge.onec_imports.documents IS 'Of them, documents and counterparties that are kept and not taken in.';
COMMENT ON COLUMN bridge.onec_imports.formed_at IS 'When 1C made the file, by our clock.';
COMMENT ON COLUMN bridge.onec_imports.only_changes IS 'What the file says of offers that are missing in it: true: they keep what they had.';

CREATE TABLE bridge.onec_documents (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT onec_documents_pkey PRIMARY KEY,
    base        text NOT NULL,
    import      bigint NOT NULL,
    kind        text NOT NULL CONSTRAINT onec_documents_kind_known
                CHECK (kind IN ('document', 'package', 'counterparty', 'unreadable')),
    number      text,
    doc_id      text,
    onec_number text,
    version     text,
    formed_at   timestamptz,
    received_at timestamptz NOT NULL DEFAULT now(),
    repeated_at timestamptz,
    repeats     integer NOT NULL DEFAULT 0,
    print       bytea NOT NULL,
    raw         text NOT NULL,
    code        text NOT NULL,
    message     text NOT NULL,
    CONSTRAINT onec_documents_contents UNIQUE (base, print)
);
CREATE INDEX onec_documents_number ON bridge.onec_documents (base, number);
CREATE INDEX onec_documents_newest ON bridge.onec_documents (base, id);
COMMENT ON TABLE bridge.onec_documents IS 'Documents from 1C, each as it stood in its file.';
COMMENT ON COLUMN bridge.onec_documents.doc_id IS '`Ид`.';
COMMENT ON COLUMN bridge.onec_documents.version IS '`НомерВерсии`: compared for equality only.';
COMMENT ON COLUMN bridge.onec_documents.formed_at IS 'When the file was made, by our clock.';
COMMENT ON COLUMN bridge.onec_documents.print IS 'SHA-256 of the contents, the file''s time not among them: the same again is a repetition.';
COMMENT ON COLUMN bridge.onec_documents.raw IS 'The element as XML.';
COMMENT ON COLUMN bridge.onec_documents.code IS 'Why it is not carried out.';

CREATE TABLE bridge.onec_products (
    base       text NOT NULL,
    id         text NOT NULL,
    name       text,
    sku        text,
    barcodes   text[] NOT NULL DEFAULT '{}',
    product    jsonb,
    variant    jsonb,
    deleted    boolean NOT NULL DEFAULT false,
    formed_at  timestamptz NOT NULL,
    touched_at timestamptz NOT NULL,
    gone_at    timestamptz,
    CONSTRAINT onec_products_pkey PRIMARY KEY (base, id)
);
CREATE INDEX onec_products_sku ON bridge.onec_products (base, sku) WHERE sku IS NOT NULL;
COMMENT ON TABLE bridge.onec_products IS 'Products and their characteristics, as 1C''s files say.';
COMMENT ON COLUMN bridge.onec_products.id IS '1C''s GUID, with # and the characteristic''s where it is one.';
COMMENT ON COLUMN bridge.onec_products.product IS 'What the catalogue says: description, unit, groups, taxes, pictures, properties, requisites.';
COMMENT ON COLUMN bridge.onec_products.variant IS 'What the offers say: name and characteristics.';
COMMENT ON COLUMN bridge.onec_products.formed_at IS 'The time of the newest file that spoke of it.';
COMMENT ON COLUMN bridge.onec_products.touched_at IS 'When that came.';
COMMENT ON COLUMN bridge.onec_products.gone_at IS 'A full exchange ended without it.';

CREATE TABLE bridge.onec_prices (
    base       text NOT NULL,
    product    text NOT NULL,
    price_type text NOT NULL,
    price      numeric NOT NULL,
    currency   text,
    unit       text,
    formed_at  timestamptz NOT NULL,
    touched_at timestamptz NOT NULL,
    CONSTRAINT onec_prices_pkey PRIMARY KEY (base, product, price_type)
);
COMMENT ON TABLE bridge.onec_prices IS 'Prices, as 1C''s files say. What was not sent is not here.';
COMMENT ON COLUMN bridge.onec_prices.price_type IS 'The id of the price type; empty: none is named.';

CREATE TABLE bridge.onec_counts (
    base       text NOT NULL,
    product    text NOT NULL,
    store      text NOT NULL,
    quantity   numeric NOT NULL,
    formed_at  timestamptz NOT NULL,
    touched_at timestamptz NOT NULL,
    CONSTRAINT onec_counts_pkey PRIMARY KEY (base, product, store)
);
COMMENT ON TABLE bridge.onec_counts IS 'How much there is, as 1C''s files say. What was not sent is unknown, not zero.';
COMMENT ON COLUMN bridge.onec_counts.store IS 'The id of the warehouse; empty: all together.';

CREATE TABLE bridge.onec_lists (
    base       text NOT NULL,
    kind       text NOT NULL CONSTRAINT onec_lists_kind_known
               CHECK (kind IN ('group', 'property', 'price_type', 'warehouse')),
    id         text NOT NULL,
    name       text NOT NULL,
    detail     jsonb NOT NULL DEFAULT '{}',
    formed_at  timestamptz NOT NULL,
    touched_at timestamptz NOT NULL,
    CONSTRAINT onec_lists_pkey PRIMARY KEY (base, kind, id)
);
COMMENT ON TABLE bridge.onec_lists IS 'Groups, properties, price types and warehouses of 1C.';
