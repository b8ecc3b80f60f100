//! The profile that gives Airlock back what Ubuntu's `AppArmor` takes away.

use std::path::Path;

/// The profile as it is shipped.
const PROFILE: &str = include_str!("../../apparmor/airlock");

/// The programs that the shipped profile is for.
const PLACES: &str = "/usr/{,local/}bin/airlock";

/// How to install the profile for the program at `program`.
pub(super) fn advice(program: Option<&Path>) -> String {
    let program = program.and_then(Path::to_str).filter(|path| is_plain(path));
    let place = match program {
        Some("/usr/bin/airlock" | "/usr/local/bin/airlock") | None => PLACES,
        Some(path) => path,
    };
    let mut lines = vec![
        "let Airlock alone have it, by an AppArmor profile:".to_owned(),
        "$ sudo tee /etc/apparmor.d/airlock >/dev/null <<'END'".to_owned(),
    ];
    let rules = PROFILE.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.extend(rules.map(|line| line.replace(PLACES, place)));
    lines.extend(["END".to_owned(), "$ sudo apparmor_parser -r /etc/apparmor.d/airlock".to_owned()]);
    if place != PLACES && !place.starts_with("/usr/") {
        lines.push(
            "(better with Airlock in /usr/local/bin: whoever may write the program may do the same)"
                .to_owned(),
        );
    }
    lines.join("\n")
}

/// Whether a path means itself in a profile, where others would be a pattern or end the word.
fn is_plain(path: &str) -> bool {
    path.starts_with('/') && path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{PLACES, PROFILE, advice};

    #[test]
    fn the_profile_names_the_program_that_runs() {
        assert!(PROFILE.contains(PLACES) && PROFILE.contains("userns,"));
        let own = advice(Some(Path::new("/home/me/.cargo/bin/airlock")));
        assert!(own.contains("profile airlock /home/me/.cargo/bin/airlock flags=(unconfined) {"), "{own}");
        assert!(
            own.contains("  userns,\n") && own.contains("better with Airlock in /usr/local/bin"),
            "{own}"
        );
        let shipped = advice(Some(Path::new("/usr/local/bin/airlock")));
        assert!(shipped.contains(PLACES) && !shipped.contains("better"), "{shipped}");
    }

    #[test]
    fn a_path_that_would_be_a_pattern_is_not_written_into_a_profile() {
        for path in
            ["/home/*/airlock", "/a b/airlock", "/x{y}/airlock", "airlock", "/a\n/airlock", "/a,/airlock"]
        {
            let advice = advice(Some(Path::new(path)));
            assert!(advice.contains(PLACES), "{path}: {advice}");
        }
    }
}
