use alloc::string::ToString;

use super::*;

fn cgroup(path: &str) -> Designation {
    Designation::Cgroup(CgroupPattern::parse(path).expect(path))
}

fn unit(name: &str) -> Designation {
    Designation::Unit(UnitPattern::parse(name).expect(name))
}

fn slice(name: &str) -> Designation {
    Designation::Slice(SlicePattern::parse(name).expect(name))
}

fn user(uid: u32) -> Designation {
    Designation::User(AgentUser { name: "bob".to_string(), uid })
}

#[test]
fn a_designation_matches_what_it_says_and_nothing_beside_it() {
    let table = [
        (cgroup("/agents.slice/coder-*"), "/agents.slice/coder-1", true),
        (cgroup("/agents.slice/coder-*"), "/agents.slice/coder-", true),
        (cgroup("/agents.slice/coder-*"), "/agents.slice/coder-1/child", false),
        (cgroup("/agents.slice/coder-*"), "/other/agents.slice/coder-1", false),
        (cgroup("/agents.slice/coder-*"), "/agents.slice", false),
        (cgroup("/agents.slice/*"), "/agents.slice/any", true),
        (cgroup("/agents.slice/*"), "/agents.slice/", false),
        (cgroup("/agents.slice/*"), "/agents.slice", false),
        (cgroup("/agents"), "/agents", true),
        (cgroup("/agents"), "/agents2", false),
        (unit("coder@*.service"), "/system.slice/system-coder.slice/coder@7.service", true),
        (unit("coder@*.service"), "/agents.slice/coder@.service", true),
        (unit("coder@*.service"), "/agents.slice/coder@7.scope", false),
        (unit("coder@*.service"), "/agents.slice/decoder@7.service", false),
        (unit("a*a.service"), "/a.service", false),
        (slice("agents.slice"), "/agents.slice", true),
        (slice("agents.slice"), "/user.slice/agents.slice", false),
        (slice("agents-coder.slice"), "/agents.slice/agents-coder.slice", true),
        (slice("agents-coder.slice"), "/agents-coder.slice", false),
        (slice("a-b-c.slice"), "/a.slice/a-b.slice/a-b-c.slice", true),
        (slice("agents-*.slice"), "/agents.slice/agents-x.slice", true),
        (user(1000), "/user.slice/user-1000.slice", true),
        (user(1000), "/user.slice/user-10001.slice", false),
    ];
    for (designation, path, expected) in table {
        assert_eq!(designation.matches(path), expected, "{designation} on {path}");
    }
}

#[test]
fn overlap_is_found_whichever_way_round_it_is_asked() {
    let table = [
        (cgroup("/a/x-*"), cgroup("/a/x-1"), true),
        (cgroup("/a/x-*"), cgroup("/a/y-*"), false),
        (cgroup("/a/x-*"), cgroup("/a/*-z"), true),
        (cgroup("/a/x-*"), cgroup("/b/x-*"), false),
        (cgroup("/a"), cgroup("/a/b/c"), true),
        (cgroup("/a/x-*"), cgroup("/a/x-1/deep"), true),
        (cgroup("/a/b"), cgroup("/a/bc/d"), false),
        (slice("agents.slice"), slice("agents-coder.slice"), true),
        (slice("agents.slice"), cgroup("/agents.slice/coder"), true),
        (slice("agents.slice"), slice("robots.slice"), false),
        (unit("coder@*.service"), unit("coder@7.service"), true),
        (unit("coder@*.service"), unit("coder.service"), false),
        (unit("coder@*.service"), unit("coder@*.scope"), true),
        (unit("coder@*.service"), unit("coder@7.scope"), false),
        (unit("coder.service"), cgroup("/system.slice/coder.service"), true),
        (unit("coder.service"), cgroup("/system.slice/coder.service/inner"), true),
        (unit("coder.service"), slice("agents.slice"), false),
        (user(1000), cgroup("/user.slice/user-1000.slice/session-2.scope"), true),
        (user(1000), user(1001), false),
        (user(1000), cgroup("/user.slice"), true),
    ];
    for (one, other, expected) in table {
        assert_eq!(one.overlaps(&other), expected, "{one} with {other}");
        assert_eq!(other.overlaps(&one), expected, "{other} with {one}");
    }
}

#[test]
fn what_could_cover_less_than_it_seems_to_is_no_pattern() {
    use PatternError::*;
    let cgroups = [
        ("", Empty),
        ("agents", NotAbsolute),
        ("/", WholeHierarchy),
        ("/*", WholeHierarchy),
        ("/a//b", EmptyComponent),
        ("/a/", EmptyComponent),
        ("/a/../b", DotComponent),
        ("/a/.", DotComponent),
        ("/a*/b", StarNotLast),
        ("/b*/b*", StarNotLast),
        ("/a/b*c*", ManyStars),
        ("/a/b c", ForbiddenCharacter),
        ("/a/b\0", ForbiddenCharacter),
    ];
    for (text, expected) in cgroups {
        assert_eq!(CgroupPattern::parse(text), Err(expected), "{text}");
    }
    let units = [
        ("coder", NotAUnit),
        ("agents.slice", NotAUnit),
        ("a/b.service", SlashInName),
        ("_a.service", RenamedBySystemd),
        ("memory.service", RenamedBySystemd),
    ];
    for (text, expected) in units {
        assert_eq!(UnitPattern::parse(text), Err(expected), "{text}");
    }
    let slices = [
        ("agents", NotASlice),
        ("-.slice", NotASlice),
        ("a--b.slice", NotASlice),
        ("*-a.slice", StarNotLast),
    ];
    for (text, expected) in slices {
        assert_eq!(SlicePattern::parse(text), Err(expected), "{text}");
    }
    let long = alloc::format!("/{}", "a".repeat(256));
    assert_eq!(CgroupPattern::parse(&long), Err(TooLong));
}

#[test]
fn a_designation_is_shown_as_it_was_written() {
    assert_eq!(cgroup("/agents.slice/coder-*").to_string(), "cgroup /agents.slice/coder-*");
    assert_eq!(unit("coder@*.service").to_string(), "unit coder@*.service");
    assert_eq!(slice("agents-coder.slice").to_string(), "slice agents-coder.slice");
}
