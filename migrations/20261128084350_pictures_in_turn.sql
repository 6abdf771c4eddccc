-- The order in which pictures are taken up, so that a claim of some does not sort all that are due.
CREATE INDEX subjects_pictures_due
    ON bridge.subjects (portal, due_at, ((body ->> 'place')::bigint), key)
    WHERE kind = 'picture' AND due_at IS NOT NULL;

-- The newest submissions of a form that were delivered: each one that is posted looks at some.
CREATE INDEX submissions_taken ON bridge.submissions (shop, form, id) WHERE verdict = 'taken';
DROP INDEX bridge.submissions_form;
