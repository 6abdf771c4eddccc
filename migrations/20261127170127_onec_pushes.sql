-- Orders that are brought to an HTTP service of a 1C base, beside its own fetching of them.

CREATE TABLE bridge.onec_pushes (
    base     text NOT NULL,
    shop     text NOT NULL,
    number   text NOT NULL,
    head     bigint NOT NULL,
    version  text NOT NULL,
    status   text,
    resends  integer NOT NULL,
    state    text NOT NULL CONSTRAINT onec_pushes_state_known
             CHECK (state IN ('sending', 'waiting', 'refused')),
    attempts integer NOT NULL DEFAULT 0,
    begun_at timestamptz NOT NULL DEFAULT now(),
    due_at   timestamptz NOT NULL,
    CONSTRAINT onec_pushes_pkey PRIMARY KEY (base, shop, number)
);
COMMENT ON TABLE bridge.onec_pushes IS
    'Orders on their way to an HTTP service of a base, and those that did not arrive; a row goes when the base has the order.';
COMMENT ON COLUMN bridge.onec_pushes.head IS 'The event that was sent.';
COMMENT ON COLUMN bridge.onec_pushes.version IS '`НомерВерсии` in it.';
COMMENT ON COLUMN bridge.onec_pushes.status IS 'The order''s status in it; null: it is deleted.';
COMMENT ON COLUMN bridge.onec_pushes.resends IS 'How often the order was to be sent again by then.';
COMMENT ON COLUMN bridge.onec_pushes.state IS
    'sending: on record before it is sent, and in doubt until it is answered; waiting: it did not arrive, and is sent again; refused: the base does not take this version.';
COMMENT ON COLUMN bridge.onec_pushes.attempts IS 'Tries of this version that the service judged or failed at.';
COMMENT ON COLUMN bridge.onec_pushes.begun_at IS 'When it was last sent.';
COMMENT ON COLUMN bridge.onec_pushes.due_at IS
    'sending: until then it may still arrive, and no exchange session is offered the order; waiting: when it is sent again.';

CREATE VIEW bridge.onec_pushable AS
    SELECT k.base, k.shop, k.number, k.head
    FROM bridge.onec_orders k
    LEFT JOIN bridge.onec_pushes p ON p.base = k.base AND p.shop = k.shop AND p.number = k.number
    WHERE k.waits
      AND (p.base IS NULL
           OR p.state <> 'refused' AND p.due_at <= now()
           OR p.state = 'refused' AND (k.head > p.head OR k.resends > p.resends))
      AND NOT EXISTS (SELECT FROM bridge.onec_documents d
                      WHERE d.shop = k.shop AND d.order_number = k.number AND d.base = k.base
                        AND (d.state = 'waiting' OR d.state = 'refused' AND d.code = 'ONEC-REVIEW'))
      AND NOT EXISTS (SELECT FROM bridge.onec_sessions s JOIN bridge.onec_offers o ON o.session = s.id
                      WHERE s.base = k.base AND s.expires_at > now()
                        AND o.shop = k.shop AND o.number = k.number
                        AND o.state IN ('sending', 'offered', 'written'));
COMMENT ON VIEW bridge.onec_pushable IS
    'Orders that may be pushed to their base now: they wait, none is on its way there or offered in a session that lasts, and 1C has said nothing of them that is still to be decided.';

ALTER TABLE bridge.dead_letters DROP CONSTRAINT dead_letters_about_known,
    ADD CONSTRAINT dead_letters_about_known
        CHECK (about IN ('comparison', 'origin', 'notification', 'move', 'delivery', 'message', 'document', 'push'));
COMMENT ON COLUMN bridge.dead_letters.about IS
    'What it is about, where it is neither an event nor a message to a shop: comparison, origin, notification (of a portal), move (a row of the portal''s stage history), delivery (of a shop''s webhook), message (to a shop, other than a change of status), document (of 1C), push (of an order to 1C).';
