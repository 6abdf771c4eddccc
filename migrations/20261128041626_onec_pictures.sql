-- Pictures that 1C sends as files beside its catalogue, by the names under which products name them.
ALTER TABLE bridge.onec_files
    ADD COLUMN look_at timestamptz DEFAULT now(),
    ADD COLUMN looked integer NOT NULL DEFAULT 0;
CREATE INDEX onec_files_to_look_at ON bridge.onec_files (base, look_at) WHERE look_at IS NOT NULL;
COMMENT ON COLUMN bridge.onec_files.look_at IS 'When the pictures in it are to be looked at; null: they were.';
COMMENT ON COLUMN bridge.onec_files.looked IS 'Of a zip: at which of the files in it the looking goes on.';

CREATE TABLE bridge.onec_pictures (
    base      text NOT NULL,
    name      text NOT NULL,
    last_part text NOT NULL,
    newest    bigint NOT NULL,
    digest    text,
    fault     text,
    file      bigint REFERENCES bridge.onec_files ON DELETE SET NULL,
    member    integer,
    came_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT onec_pictures_pkey PRIMARY KEY (base, name),
    CONSTRAINT onec_pictures_said CHECK (digest IS NOT NULL OR fault IS NOT NULL)
);
CREATE INDEX onec_pictures_last_part ON bridge.onec_pictures (base, last_part);
CREATE INDEX onec_pictures_digest ON bridge.onec_pictures (base, digest);
CREATE INDEX onec_pictures_file ON bridge.onec_pictures (file);
COMMENT ON TABLE bridge.onec_pictures IS 'Pictures that 1C sent, by name; their bytes stay in the files in which they came.';
COMMENT ON COLUMN bridge.onec_pictures.base IS 'The base in the settings.';
COMMENT ON COLUMN bridge.onec_pictures.name IS 'The name of the file, as it is compared.';
COMMENT ON COLUMN bridge.onec_pictures.last_part IS 'The last part of the name, in lower case.';
COMMENT ON COLUMN bridge.onec_pictures.newest IS 'The file that spoke of it last.';
COMMENT ON COLUMN bridge.onec_pictures.digest IS 'SHA-256 of the newest one that can be taken, as hex.';
COMMENT ON COLUMN bridge.onec_pictures.fault IS 'Why the newest one cannot be taken.';
COMMENT ON COLUMN bridge.onec_pictures.file IS 'The file in which its bytes are; null: kept no more.';
COMMENT ON COLUMN bridge.onec_pictures.member IS 'Which file of the zip it is; null: the file itself.';
COMMENT ON COLUMN bridge.onec_pictures.came_at IS 'When it last came.';
