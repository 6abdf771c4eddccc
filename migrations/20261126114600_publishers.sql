-- Which database role may publish for which shop.

CREATE TABLE bridge.publishers (
    role name NOT NULL,
    shop text NOT NULL,
    CONSTRAINT publishers_pkey PRIMARY KEY (role, shop)
);
COMMENT ON TABLE bridge.publishers IS 'Which database roles, and their members, may publish for which shop. The owner of the schema and superusers may for all.';
COMMENT ON COLUMN bridge.publishers.role IS 'The role.';
COMMENT ON COLUMN bridge.publishers.shop IS 'The shop''s name in the configuration.';

-- Whoever could publish before goes on, for the shops that are known by now: found from one to the next, without reading the orders.
WITH RECURSIVE known AS (
    (SELECT shop FROM bridge.orders ORDER BY shop LIMIT 1)
    UNION ALL
    SELECT (SELECT o.shop FROM bridge.orders o WHERE o.shop > known.shop ORDER BY o.shop LIMIT 1) FROM known WHERE known.shop IS NOT NULL
)
INSERT INTO bridge.publishers (role, shop)
SELECT DISTINCT r.rolname, o.shop
FROM pg_proc p
CROSS JOIN LATERAL aclexplode(p.proacl) a
JOIN pg_roles r ON r.oid = a.grantee
CROSS JOIN (SELECT shop FROM known WHERE shop IS NOT NULL) o
WHERE p.oid = 'bridge.publish_event(jsonb)'::regprocedure AND a.privilege_type = 'EXECUTE' AND a.grantee <> p.proowner;

CREATE FUNCTION bridge.publisher() RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(nullif(current_setting('role', true), 'none'), session_user::text) $$;
REVOKE ALL ON FUNCTION bridge.publisher() FROM PUBLIC;
COMMENT ON FUNCTION bridge.publisher() IS 'The role that the session acts as, also inside of a function that acts as its owner.';

CREATE FUNCTION bridge.may_publish(role text, shop text) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM pg_roles r
        WHERE r.rolname = may_publish.role
          AND (pg_has_role(r.oid, (SELECT relowner FROM pg_class WHERE oid = 'bridge.published'::regclass), 'MEMBER')
               OR EXISTS (SELECT FROM bridge.publishers p JOIN pg_roles g ON g.rolname = p.role
                          WHERE p.shop = may_publish.shop AND pg_has_role(r.oid, g.oid, 'MEMBER'))))
$$;
REVOKE ALL ON FUNCTION bridge.may_publish(text, text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.may_publish(text, text) IS 'Whether a role may publish for a shop.';

ALTER TABLE bridge.published ALTER COLUMN published_by SET DEFAULT bridge.publisher();

CREATE FUNCTION bridge.check_publisher() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- A shop that the event names outright is judged at once; what its source means only the configuration knows, when it is taken up.
    IF EXISTS (SELECT FROM bridge.publishers p JOIN pg_roles g ON g.rolname = p.role
               WHERE pg_has_role(NEW.published_by::name, g.oid, 'MEMBER'))
       AND NOT bridge.may_publish(NEW.published_by, NEW.event ->> 'shop') AND NEW.event ->> 'shop' IS NOT NULL THEN
        RAISE EXCEPTION 'the role % may not publish for the shop %', NEW.published_by, NEW.event ->> 'shop'
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'INSERT INTO bridge.publishers (role, shop) VALUES (…) as the owner of the schema bridge.';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION bridge.check_publisher() FROM PUBLIC;
COMMENT ON FUNCTION bridge.check_publisher() IS 'Refuses events of a shop that their publisher may not publish for.';
CREATE TRIGGER published_by_whom BEFORE INSERT ON bridge.published
    FOR EACH ROW EXECUTE FUNCTION bridge.check_publisher();
