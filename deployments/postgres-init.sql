-- Beside Prefect's own database, which the image makes: that of runs, answers, prompts and datasets.
CREATE DATABASE gpo;
