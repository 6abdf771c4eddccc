-- A comment about a receipt may come before the order or the sale that it is about: a till uploads
-- in any order, and a shop sends when it can. It waits for that for a day, and does not count as a
-- backlog meanwhile.
CREATE FUNCTION bridge.subject_waits(of_kind text, of_shop text, of_number text,
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
$$;
REVOKE ALL ON FUNCTION bridge.subject_waits(text, text, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION bridge.subject_waits(text, text, text, timestamptz) IS
    'Whether the card on which a subject is put is still to be made, or not yet heard of.';
