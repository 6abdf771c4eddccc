-- The oldest waiting message of each subject is found without reading the others.
CREATE INDEX shop_messages_waiting_subject ON bridge.shop_messages (shop, subject, id)
    WHERE state = 'waiting';
