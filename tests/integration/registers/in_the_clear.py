"""What registers 0.2.0 kept of a child, and of one that had died into it, in the clear."""

import hashlib

from tests.integration.registers.conftest import FIRST, SECOND, URN

LIVES, DIED = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
HOME = hashlib.md5(b"b11aa1elmroad", usedforsecurity=False).hexdigest()
IN_THE_CLEAR = f"""
insert into school (urn, name, la_code, laestab, phase) values ({URN}, 'Elm', '330', '3302001', 'primary');
insert into pupil (pupil_id, upn, given_name, family_name, flags, version, survivor) values
    ('{LIVES}', '{FIRST}', 'Hazel', 'Nutt', '{{}}', 1, null), ('{DIED}', null, 'Ash', 'Nutt', '{{}}', 1, '{LIVES}');
insert into school_pupil (urn, local_id, pupil_id) values ({URN}, '1', '{LIVES}');
insert into upn (upn, pupil_id, given_at, replaced_at) values
    ('{FIRST}', '{LIVES}', '2025-09-01Z', null), ('{SECOND}', '{DIED}', '2025-09-01Z', '2025-09-02Z');
insert into identity_change (change_id, kind, pupil_id, other, restored, identity_version, urn, reason, changed_by,
    changed_at, detail)
values (gen_random_uuid(), 'merge', '{LIVES}', '{DIED}', false, 1, {URN}, 'one child, typed twice', 'R. Office',
    '2025-09-02Z', '{{"upn": "{SECOND}", "survivors_upn": "{FIRST}", "received": 7}}');
insert into contact (contact_id, urn, pupil_id, local_id, name, relationship, parental_responsibility, lives_with_pupil,
    email, address, do_not_contact, barred_from, barred_order, household)
values ('{LIVES}', {URN}, '{LIVES}', 'c', 'Robin Nutt', 'mother', true, true, 'robin@example.org',
    '{{"lines": ["1 Elm Road"], "postcode": "B1 1AA"}}', false, '2030-01-01', 'C12', md5('b11aa1elmroad')::uuid);
insert into social_worker (pupil_id, place, name, phone, from_date)
values ('{DIED}', 0, 'W. Worker', '0121', '2025-09-01');
insert into part_time_timetable (urn, pupil_id, from_date, review_on, agreed_by)
values ({URN}, '{LIVES}', '2025-09-01', '2025-10-01', '{{"R. Nutt"}}');
insert into enrolment (urn, pupil_id, from_date, to_date, kind, leaving_reason, destination)
values ({URN}, '{LIVES}', '2025-09-01', '2025-09-30', 'single', 'x', 'to her aunt'),
    ({URN}, '{LIVES}', '2025-10-01', null, 'single', null, null);
insert into submission (urn, date, session, kind, received_at, correlation_id, taken_by)
values ({URN}, '2025-09-01', 0, 'register', now(), '', 'T. Teacher');
insert into mark (urn, date, session, pupil_id, received, place, rank, code, standing, unexplained, details)
values ({URN}, '2025-09-01', 0, '{LIVES}', 1, 2, 0, 'I', true, false, '{{"comment": "has flu", "amended_by": "A"}}');
insert into absence_notice (notice_id, version, current, urn, pupil_id, state, giver, relation, channel, given_at,
    first_on, first_session, reason, noted_at, why)
values ('{LIVES}', 1, true, {URN}, '{LIVES}', 'given', 'Robin Nutt', 'mother', 'phone', '2025-09-01Z', '2025-09-01', 0,
    'has flu', '2025-09-01Z', 'rang twice');
insert into batch (job_id, subject, state, form, dry_run, correlation_id, created_at, touched_at)
values ('{LIVES}', 's', 'queued', 'ndjson', false, '', now(), now());
insert into batch_part (job_id, first_byte, body) values ('{LIVES}', 0, 'abc'), ('{LIVES}', 3, 'defg');
insert into batch_result (job_id, piece, body, errors)
values ('{LIVES}', 0, 'done', null), ('{LIVES}', 1, 'more', 'bad');
insert into answered (subject, key, fingerprint, answer, answered_at)
values ('s', 'k', 'f', '[7]', '2025-09-15T08:00Z');
insert into unresolved (urn, date, session, received, place, key_kind, key, code, problem)
values ({URN}, '2025-09-01', 0, 1, 0, 'upn', 'A111111111111', '/', 'unknown-pupil'),
    ({URN}, '2025-09-01', 0, 1, 1, 'local_id', 'x', '/', 'unknown-pupil');
"""
