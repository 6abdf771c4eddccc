//! The kanban page: three files, nothing from elsewhere.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn file(kind: &'static str, text: &'static str) -> Response {
    let head = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (head, text).into_response()
}

pub(crate) async fn index() -> Response {
    file(
        "text/html; charset=utf-8",
        include_str!("../page/index.html"),
    )
}

pub(crate) async fn script() -> Response {
    file(
        "text/javascript; charset=utf-8",
        include_str!("../page/app.js"),
    )
}

pub(crate) async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("../page/style.css"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_the_page_says_stands_in_the_table_of_both_languages() {
        let script = include_str!("../page/app.js");
        let (_, behind) = script.split_once("\n};\n").unwrap();
        let is_russian = |c: char| matches!(c, 'А'..='я' | 'Ё' | 'ё');
        let said: Vec<&str> = behind
            .lines()
            .filter(|line| line.contains(is_russian))
            .collect();
        assert_eq!(said, [] as [&str; 0]);
    }
}
