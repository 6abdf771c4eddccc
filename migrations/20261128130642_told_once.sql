-- What lies beside every order is told once: what these columns hold by now. No row is changed.

COMMENT ON COLUMN bridge.orders.known IS
    'What the planner knows of the order: links, and what was written last. In short form what was written is w, with the names of src/planner/storage_form.rs, and e is the evidence for the contact; in rows of earlier versions they are written and recognised.';
COMMENT ON COLUMN bridge.orders.age IS
    'Of which head, the last known version and time of change and when that came in, and what the head says that has an order in time. Null: head_version, head_updated_at and said tell all of it.';
COMMENT ON COLUMN bridge.orders.said IS
    'What the shop reports of the order''s status, and when that came in (seen); what is not known, or not so, is left out.';
COMMENT ON COLUMN bridge.timeline.text IS
    'What happened, in one English sentence. Empty: it is made from what.';
COMMENT ON COLUMN bridge.timeline.detail IS
    'What it refers to, and the times of all clocks, as far as what does not tell them.';
COMMENT ON COLUMN bridge.links.entity IS
    'What stands for it. The deal and the lead of an order stand in bridge.orders: rows of them are of earlier versions, and go.';
