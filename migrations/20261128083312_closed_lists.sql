-- Words of closed lists that no constraint held yet. Rows from before are not looked at: each has
-- been written by the same words. Of the short list of comparisons, whose rows are changed, it is
-- made sure.

ALTER TABLE bridge.shortages ADD CONSTRAINT shortages_cause_known
    CHECK (cause IN ('count', 'moved', 'order', 'receipt', 'shipment')) NOT VALID;

UPDATE bridge.comparisons SET why = 'notification'
WHERE why NOT IN ('event', 'notification', 'history', 'portal', 'shop', 'onec', 'person', 'table',
                  'reconcile');
ALTER TABLE bridge.comparisons ADD CONSTRAINT comparisons_why_known
    CHECK (why IN ('event', 'notification', 'history', 'portal', 'shop', 'onec', 'person', 'table',
                   'reconcile')) NOT VALID;
COMMENT ON COLUMN bridge.comparisons.why IS
    'Who asked last: event, notification, history, portal, shop, onec, person, table, reconcile.';

ALTER TABLE bridge.decisions
    ADD CONSTRAINT decisions_action_known
        CHECK (action IN ('agree', 'write_portal', 'tell_shop', 'put_back', 'refused', 'review',
                          'let_go')) NOT VALID,
    ADD CONSTRAINT decisions_basis_known
        CHECK (basis IN ('consistent', 'one_side', 'rule', 'default', 'latest', 'undated', 'final',
                         'source', 'ruling', 'doubtful')) NOT VALID,
    ADD CONSTRAINT decisions_winner_known
        CHECK (winner IN ('shop', 'portal', 'onec')) NOT VALID;
COMMENT ON COLUMN bridge.decisions.action IS
    'What was decided: agree, write_portal, tell_shop, put_back, refused, review, let_go.';
COMMENT ON COLUMN bridge.decisions.basis IS
    'What it rests on: consistent, one_side, rule, default, latest, undated, final, source, '
    'ruling, doubtful.';

ALTER TABLE bridge.timeline ADD CONSTRAINT timeline_kind_known
    CHECK (kind IN ('accepted', 'superseded', 'written', 'refused', 'dead', 'retried', 'discarded',
                    'overtaken', 'decided', 'conflict', 'moved', 'gone', 'told', 'goods', 'note'))
    NOT VALID;
