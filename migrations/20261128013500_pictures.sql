-- Pictures of products are subjects of a kind of their own: each with its state, its tries and its
-- letter. `order_number` of one is the key of its product, for which it waits.
ALTER TABLE bridge.subjects DROP CONSTRAINT subjects_kind_known,
    ADD CONSTRAINT subjects_kind_known
        CHECK (kind IN ('form', 'activity', 'receipt', 'note', 'product', 'picture')) NOT VALID;
COMMENT ON COLUMN bridge.subjects.key IS
    'Its identity within the shop: form:ID, call:ID, mail:ID, message:ID, receipt:ID, note:ID, product:ID, picture:DIGEST.';
COMMENT ON COLUMN bridge.subjects.order_number IS
    'The order that it is about, if one was named; of a picture the key of its product.';

-- A picture waits until its product is in the portal.
CREATE OR REPLACE FUNCTION bridge.subject_waits(of_kind text, of_shop text, of_number text,
                                                received_at timestamptz)
    RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bridge.subject_waits(of_kind, of_shop, of_number)
        OR of_kind = 'note' AND received_at > now() - interval '1 day'
           AND NOT EXISTS (
               SELECT FROM bridge.subjects s WHERE (s.shop, s.key) = (of_shop, of_number))
           AND NOT EXISTS (
               SELECT FROM bridge.orders o WHERE (o.shop, o.number) = (of_shop, of_number))
        OR of_kind = 'picture' AND NOT EXISTS (
               SELECT FROM bridge.subjects p
               WHERE (p.shop, p.key) = (of_shop, of_number) AND p.done_at IS NOT NULL
                 AND p.known -> 'product' -> 'own' ->> 'id' IS NOT NULL)
$$;
COMMENT ON FUNCTION bridge.subject_waits(text, text, text, timestamptz) IS
    'Whether the card on which a subject is put is still to be made, or not yet heard of.';

-- Files of pictures that came in events: kept until no picture needs them.
CREATE TABLE bridge.picture_files (
    shop    text NOT NULL,
    product text NOT NULL,
    digest  text NOT NULL,
    content bytea NOT NULL,
    came_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT picture_files_pkey PRIMARY KEY (shop, product, digest)
);
CREATE INDEX picture_files_came ON bridge.picture_files (came_at);
COMMENT ON TABLE bridge.picture_files IS 'Files of pictures that came in events about products.';
COMMENT ON COLUMN bridge.picture_files.shop IS 'The shop.';
COMMENT ON COLUMN bridge.picture_files.product IS 'The key of its product.';
COMMENT ON COLUMN bridge.picture_files.digest IS 'SHA-256 of the content, as hex.';
COMMENT ON COLUMN bridge.picture_files.content IS 'The picture.';
COMMENT ON COLUMN bridge.picture_files.came_at IS 'When it last came.';
