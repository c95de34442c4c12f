-- By which login somebody has a project open: what is open in one browser.

ALTER TABLE project_visits ADD COLUMN login text;

CREATE INDEX project_visits_user ON project_visits (user_id);
