-- What is asked in the shop's own transaction may not be misspelt either: a member that nobody knows
-- is named, and does not count as left out.

CREATE FUNCTION bridge.stock_only(given jsonb, known text[], place text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    named text;
BEGIN
    SELECT k.name INTO named FROM jsonb_object_keys(given) AS k (name)
    WHERE k.name <> ALL (known) ORDER BY 1 LIMIT 1;
    IF named IS NOT NULL THEN
        PERFORM bridge.stock_refuse(
            place || '/' || replace(replace(named, '~', '~0'), '/', '~1'),
            format('there is no member `%s`; here can stand: %s', named,
                   array_to_string(known, ', ')));
    END IF;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_only(jsonb, text[], text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_only(jsonb, text[], text) IS
    'Raises for an object with a member that is none of these.';

CREATE OR REPLACE FUNCTION bridge.reserve(request jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    checked jsonb;
    lines   jsonb := '[]';
    given   jsonb;
    told    text;
    held    double precision;
    answer  jsonb;
BEGIN
    IF request IS NULL OR jsonb_typeof(request) <> 'object' THEN
        PERFORM bridge.stock_refuse('',
            'bridge.reserve takes one JSON object with `shop`, `id` and `lines`');
    END IF;
    PERFORM bridge.stock_only(request,
        ARRAY['shop', 'id', 'number', 'store', 'hold', 'version', 'lines'], '');
    PERFORM bridge.stock_check_caller(bridge.stock_text(request -> 'shop', '/shop', true));
    IF jsonb_typeof(request -> 'lines') IS DISTINCT FROM 'array'
       OR jsonb_array_length(request -> 'lines') NOT BETWEEN 1 AND 500 THEN
        PERFORM bridge.stock_refuse('/lines', '`lines` is a list of 1 to 500 lines');
    END IF;
    FOR i IN 0 .. jsonb_array_length(request -> 'lines') - 1 LOOP
        given := request -> 'lines' -> i;
        told := btrim(given ->> 'quantity');
        IF told IS NULL OR told !~ '^[0-9]{1,12}(\.[0-9]{1,10})?$' THEN
            PERFORM bridge.stock_refuse(format('/lines/%s/quantity', i),
                '`quantity` is a decimal above zero and below 1e12');
        ELSIF told::numeric = 0 OR scale(trim_scale(told::numeric)) > 3 THEN
            PERFORM bridge.stock_refuse(format('/lines/%s/quantity', i),
                '`quantity` is above zero, with at most three digits after the point');
        END IF;
        PERFORM bridge.stock_only(given, ARRAY['line', 'product', 'store', 'quantity'],
            format('/lines/%s', i));
        lines := lines || jsonb_strip_nulls(jsonb_build_object(
            'line', bridge.stock_text(given -> 'line', format('/lines/%s/line', i), true),
            'product', bridge.stock_text(given -> 'product', format('/lines/%s/product', i), true),
            'store', bridge.stock_text(given -> 'store', format('/lines/%s/store', i), false),
            'quantity', told));
    END LOOP;
    IF (SELECT count(DISTINCT l ->> 'line')
        FROM jsonb_array_elements(lines) l) < jsonb_array_length(lines) THEN
        PERFORM bridge.stock_refuse('/lines', 'two lines have the same `line`');
    END IF;
    told := bridge.stock_text(request -> 'hold', '/hold', false);
    IF told IS NOT NULL THEN
        IF told !~ '^[0-9]{1,8} ?(s|m|min|h|d)$' THEN
            PERFORM bridge.stock_refuse('/hold', 'write a number and s, m, h or d: "3d"');
        END IF;
        held := extract(epoch FROM replace(replace(told, 'min', 'm'), 'm', 'min')::interval);
        IF held NOT BETWEEN 1 AND 7776000 THEN
            PERFORM bridge.stock_refuse('/hold', 'a hold is 1 second to 90 days');
        END IF;
    END IF;
    IF coalesce(request ->> 'version', '0') !~ '^-?[0-9]{1,18}$' THEN
        PERFORM bridge.stock_refuse('/version', '`version` is a whole number');
    END IF;
    checked := jsonb_strip_nulls(jsonb_build_object(
        'shop', btrim(request ->> 'shop'),
        'id', bridge.stock_text(request -> 'id', '/id', true),
        'number', bridge.stock_text(request -> 'number', '/number', false),
        'store', bridge.stock_text(request -> 'store', '/store', false),
        'hold', held, 'version', request ->> 'version', 'lines', lines));
    answer := bridge.stock_reserve(jsonb_build_array(checked)) -> 0;
    IF answer ->> 'status' = '422' THEN
        PERFORM bridge.stock_refuse(answer #>> '{body,faults,0,pointer}',
            answer #>> '{body,faults,0,detail}');
    END IF;
    RETURN answer -> 'body';
END
$$;
