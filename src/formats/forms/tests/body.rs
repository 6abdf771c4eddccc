//! Bodies that are not as their header says, and bodies that nobody foresaw.

use super::*;

const JSON: &str = "application/json";

#[test]
fn what_is_utf8_is_read_so_whatever_the_header_says() {
    let kind = "multipart/form-data; boundary=XyZ; charset=windows-1251";
    let part = "--XyZ\r\nContent-Disposition: form-data; name=\"Имя\"\r\n\r\nАнна\r\n--XyZ--\r\n";
    assert_eq!(sent(kind, part.as_bytes()).1.name.as_deref(), Some("Анна"));
    for kind in [
        "application/json; charset=windows-1251",
        "application/json; charset=iso-8859-1",
    ] {
        let (_, enquiry) = sent(kind, "\u{feff}{\"имя\":\"Анна\"}".as_bytes());
        assert_eq!(enquiry.name.as_deref(), Some("Анна"), "{kind}");
    }
    let wide: Vec<u8> = "\u{feff}{\"имя\":\"Анна\"}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(sent(JSON, &wide).1.name.as_deref(), Some("Анна"));
}

#[test]
fn of_a_name_that_json_has_twice_no_value_is_lost_and_the_order_is_that_of_the_text() {
    let (submission, enquiry) = sent(
        JSON,
        r#"{"phone":"89161234567","name":"Анна","phone":"","b":{"z":[1,null],"a":true}}"#
            .as_bytes(),
    );
    assert_eq!(enquiry.phones.len(), 1);
    let names: Vec<_> = submission.fields.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["phone", "name", "b[z][0]", "b[a]"]);
    // What follows the value, and what is nested without end, is no JSON that anybody meant.
    for broken in [
        r#"{"phone":"89161234567"} x"#.to_owned(),
        "[".repeat(100_000),
    ] {
        let (submission, _) = sent(JSON, broken.as_bytes());
        assert_eq!(submission.fields[0].name, UNREADABLE);
    }
}

#[test]
fn a_value_without_a_name_is_kept() {
    for (kind, body) in [
        (JSON, r#""89161234567""#),
        (JSON, r#"{"":"89161234567"}"#),
        (JSON, "89161234567"),
        (FORM, "=89161234567"),
    ] {
        let posted = read_body(kind, body.as_bytes());
        assert!(!is_ping(&posted), "{body}");
        assert_eq!(
            posted.pairs,
            [(UNREADABLE.to_owned(), "89161234567".to_owned())]
        );
    }
    for nothing in ["{}", "[]", "null", "\"\""] {
        assert!(is_ping(&read_body(JSON, nothing.as_bytes())), "{nothing}");
    }
}

#[test]
fn names_of_parts_are_read_as_browsers_and_libraries_write_them() {
    let kind = "multipart/form-data; boundary=\"Xy;Z\"; charset=utf-8";
    let body = "--Xy;Z\r\nContent-Disposition: form-data; name=\"Телефон; \\\"рабочий\\\"\"\r\n\r\n\
                89161234567\r\n--Xy;Z\r\nContent-Disposition: form-data; \
                name*=utf-8''%D0%98%D0%BC%D1%8F\r\n\r\nАнна\r\n--Xy;Z\r\n\
                Content-Disposition: form-data; name=photo; \
                filename*=utf-8''%D0%BA%D0%BE%D1%82.jpg\r\n\r\n\u{1}\u{2}\r\n--Xy;Z\r\n\
                Content-Disposition: form-data; name=\"plan\"; filename=\"a;b.pdf\"\r\n\r\n%PDF\r\n\
                --Xy;Z--\r\n";
    let (submission, enquiry) = sent(kind, body.as_bytes());
    assert_eq!(submission.fields[0].name, "Телефон; \"рабочий\"");
    assert_eq!(enquiry.phones.len(), 1);
    assert_eq!(enquiry.name.as_deref(), Some("Анна"));
    assert_eq!(submission.files, ["кот.jpg", "a;b.pdf"]);
    let mut parts = WithoutFiles::new(kind).unwrap();
    parts.push(body.as_bytes());
    assert!(!parts.kept().windows(4).any(|bytes| bytes == b"%PDF"));
}

#[test]
fn parts_that_cannot_be_read_are_no_ping() {
    let kind = "multipart/form-data; boundary=XyZ";
    for (body, is_empty) in [
        (
            "--XyZ\nContent-Disposition: form-data; name=\"tel\"\n\n89161234567\n--XyZ--\n",
            false,
        ),
        (
            "--Other\r\nContent-Disposition: form-data; name=\"tel\"\r\n\r\n1\r\n--Other--\r\n",
            false,
        ),
        ("--XyZ--\r\n", true),
        ("\r\n", true),
    ] {
        let posted = read_body(kind, body.as_bytes());
        assert_eq!(is_ping(&posted), is_empty, "{body}");
    }
}

#[test]
fn what_a_site_adds_to_a_form_of_elementor_and_every_ticked_box_is_kept() {
    let pairs = [
        ("form[id]", "a1b2c3"),
        ("fields[tel][title]", "Телефон"),
        ("fields[tel][value]", "89161234567"),
        ("fields[tea][title]", "Какой чай"),
        ("fields[tea][value][0]", "чёрный"),
        ("fields[tea][value][1]", "зелёный"),
        ("fields[tea][raw_value][0]", "чёрный"),
        ("meta[user_agent][value]", "Mozilla"),
        ("utm_source", "yandex"),
        ("shop_id", "7"),
    ];
    let (_, enquiry) = sent(FORM, encoded(&pairs, encoding_rs::UTF_8).as_bytes());
    assert_eq!(enquiry.phones.len(), 1);
    assert_eq!(enquiry.utm.source.as_deref(), Some("yandex"));
    assert_eq!(enquiry.rest, ["Какой чай: чёрный, зелёный", "shop_id: 7"]);
}

#[test]
fn what_cannot_be_read_tells_visitors_apart_and_so_do_contents_under_one_number_of_a_site() {
    let print = |body: &str| {
        let submission = submission(FormService::Auto, read_body(FORM, body.as_bytes()));
        fingerprint(&rules(), &submission, &read(&rules(), "7", &submission))
    };
    assert_ne!(print("phone=12"), print("phone=34"));
    assert_eq!(print("phone=1 2"), print("phone=12"));
    let entry = "id=77&form_id=3&1.3=Anna&2=89161234567&date_created=";
    assert_eq!(print(&format!("{entry}1")), print(&format!("{entry}2")));
    let other = "id=77&form_id=3&1.3=Vera&2=89160000001&date_created=1";
    assert_ne!(print(&format!("{entry}1")), print(other));
}
